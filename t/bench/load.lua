-- What wrk sends, and how it reports: POSTs the bytes of BODY_FILE, or GETs
-- where there is none; prints a line of JSON.  With COUNT, answers are
-- counted by status, which costs the client some of its speed.

local body = os.getenv("BODY_FILE")

if body and body ~= "" then
    local file = assert(io.open(body, "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = "application/json"
    file:close()
end

local thread

function setup(t)
    thread = t
end

if os.getenv("COUNT") ~= nil and os.getenv("COUNT") ~= "" then
    accepted, unavailable, other = 0, 0, 0

    function response(status, headers)
        if status == 202 or status == 200 then
            accepted = accepted + 1
        elseif status == 503 and headers["Retry-After"] then
            unavailable = unavailable + 1
        else
            other = other + 1
        end
    end
end

function done(sum, latency)
    local e = sum.errors

    io.write(string.format(
        '{"n":%d,"rate":%.1f,"p50":%.3f,"p99":%.3f,"max":%.3f,"failed":%d,'
        .. '"broken":%d,"accepted":%d,"unavailable":%d,"other":%d}\n',
        sum.requests, sum.requests / (sum.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        latency.max / 1e3, e.status, e.connect + e.read + e.write + e.timeout,
        thread:get("accepted") or 0, thread:get("unavailable") or 0,
        thread:get("other") or 0))
end
