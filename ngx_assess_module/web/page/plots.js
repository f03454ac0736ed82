// The last hour, minute by minute, in three small plots.  What is kept does
// not grow: sixty minutes, each with its times by size.

import { call } from './api.js';
import { attribute, frame, h, many, money, number, say, span, svg }
  from './dom.js';
import { on } from './feed.js';

const MINUTES = 60;
const SIZES = 48;        // from 10 ms, each a third longer than the one before
const SEED = 10;         // pages of jobs that tell of the time before

const minutes = Array.from({ length: MINUTES }, empty);
const before = new Set();
let newest = 0;

function empty() {
  return { at: 0, ended: 0, failed: 0, cost: 0,
    sizes: new Uint32Array(SIZES) };
}

function minute_of(time) {
  const at = Math.floor(time / 60000);
  const minute = minutes[at % MINUTES];

  if (minute.at !== at) {
    minute.sizes.fill(0);
    Object.assign(minute, { at, ended: 0, failed: 0, cost: 0 });
  }
  return minute;
}

function count(job) {
  const time = Date.parse(job.completedAt);

  if (!(Date.now() - time < MINUTES * 60000)) {
    return;
  }

  const minute = minute_of(Math.min(time, Date.now()));
  minute.ended++;
  minute.cost += job.cost;
  minute.failed += job.status === 'failed' ? 1 : 0;

  if (job.status === 'completed') {
    const taken = (time - Date.parse(job.createdAt)) / 1000;
    const size = Math.log(Math.max(taken, 0.01) / 0.01) / Math.log(4 / 3);
    minute.sizes[Math.min(SIZES - 1, Math.round(size))]++;
  }
  frame(draw);
}

function quantile(sizes, n, part) {
  let left = n * part;

  for (let i = 0; i < SIZES; i++) {
    left -= sizes[i];
    if (left <= 0) {
      return 0.01 * (4 / 3) ** i;
    }
  }
  return 0;
}

// Read once, so that the plots do not begin with nothing; and after a gap,
// what has ended since.  Newest first is by start: so far is good enough.
export async function seed() {
  const hour = Date.now() - MINUTES * 60000;
  const from = newest;
  let cursor = '';

  for (let page = 0; page < SEED; page++) {
    const list = await call(`assessments/jobs?limit=200${cursor}`);
    let fresh = false;

    for (const job of list.jobs) {
      const ended = Date.parse(job.completedAt ?? '');
      fresh ||= Date.parse(job.createdAt) > Math.max(hour, from - 600000);
      if (ended > from) {
        once(job);
      }
    }
    if (!list.nextCursor || !fresh) {
      break;
    }
    cursor = `&cursor=${encodeURIComponent(list.nextCursor)}`;
  }
  frame(draw);
}

function once(job) {
  const mark = job.jobId + job.attempt;

  if (!before.has(mark)) {
    before.add(mark);
    if (before.size > 4000) {
      before.delete(before.values().next().value);
    }
    newest = Math.max(newest, Date.parse(job.completedAt) - 5000);
    count(job);
  }
}

on('event', (type, data) => {
  if (data.completedAt && type !== 'batch') {
    once(data);
  }
});

function plot(title, unit) {
  const line = svg('path', { class: 'plot-main' });
  const more = svg('path', { class: 'plot-more' });
  const value = h('strong', {}, '–');
  const picture = svg('svg', { viewBox: '0 0 120 32', role: 'img',
    preserveAspectRatio: 'none', 'aria-label': `${title}: nothing yet` },
    svg('path', { class: 'plot-base', d: 'M0 31.5H120' }), more, line);
  const small = h('small', {}, unit);
  const element = h('figure', {}, h('figcaption', {},
    h('span', {}, title), value, small), picture);
  return { element, title, line, more, value, unit: small, picture };
}

const throughput = plot('Throughput', 'jobs a minute');
const latency = plot('Median time', '');
const cost = plot('Cost', 'in the last hour');

document.getElementById('plots').append(throughput.element, latency.element,
  cost.element);

function bars(values, top) {
  return values.map((value, i) => value > 0
    ? `M${i * 2 + 0.25} 31h1.5v${(-30 * Math.max(value / top, 0.04)).toFixed(2)}`
      + 'h-1.5z' : '').join('');
}

const level = (value, top) => (30 - 28.5 * value / top).toFixed(2);

// the medians, and from each how far the longest of them go
function points(times, top) {
  return times.map(([middle], i) => middle > 0
    ? `M${i * 2 + 0.2} ${level(middle, top)}h1.6` : '').join('');
}

function reach(times, top) {
  return times.map(([middle, most], i) => most > middle
    ? `M${i * 2 + 1} ${level(middle, top)}V${level(most, top)}` : '').join('');
}

function write(a, main, more, value, text) {
  attribute(a.line, 'd', main);
  attribute(a.more, 'd', more);
  say(a.value, value);
  attribute(a.picture, 'aria-label', `${a.title}: ${text}`);
}

function draw() {
  const now = Math.floor(Date.now() / 60000);
  const hour = Array.from({ length: MINUTES }, (_, i) =>
    minute_of((now - MINUTES + 1 + i) * 60000));
  const all = new Uint32Array(SIZES);
  let n = 0;

  const times = hour.map((minute) => {
    const some = minute.sizes.reduce((sum, each) => sum + each, 0);
    minute.sizes.forEach((each, i) => { all[i] += each; });
    n += some;
    return some ? [quantile(minute.sizes, some, 0.5),
      quantile(minute.sizes, some, 0.95)] : [0, 0];
  });

  const ended = hour.map((minute) => minute.ended);
  const failed = hour.map((minute) => minute.failed);
  const spent = hour.map((minute) => minute.cost);
  const sum = spent.reduce((a, b) => a + b, 0);
  const most = Math.max(...ended, 1);
  const longest = Math.max(...times.map((time) => time[1]), 0.1);
  const jobs = ended.reduce((a, b) => a + b, 0);
  const rate = (ended[MINUTES - 1] + ended[MINUTES - 2]) / 2;

  write(throughput, bars(ended, most), bars(failed, most),
    number(Math.round(rate * 10) / 10),
    `${many(jobs, 'job')} ended in the last hour, at most ${most} a minute`);
  write(latency, points(times, longest), reach(times, longest),
    n ? span(quantile(all, n, 0.5)) : '–',
    n ? `median ${span(quantile(all, n, 0.5))}, 95 percent within `
      + span(quantile(all, n, 0.95)) : 'nothing yet');
  say(latency.unit, n ? `95 % in ${span(quantile(all, n, 0.95))}` : '');
  write(cost, bars(spent, Math.max(...spent, 1e-9)), '', money(sum),
    `${money(sum)} in the last hour`);
}

setInterval(() => frame(draw), 10000);
