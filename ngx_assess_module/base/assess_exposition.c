
#include "assess_exposition.h"

#include <string.h>


static void assess_exposition_name(assess_buf_t *b, const char *name,
    const char *suffix, const assess_label_t *labels, size_t n,
    const char *bound);
static void assess_exposition_value(assess_buf_t *b,
    const assess_label_t *label);


void
assess_exposition_head(assess_buf_t *b, const char *name, const char *type,
    const char *help)
{
    assess_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                      type);
}


void
assess_exposition_sample(assess_buf_t *b, const char *name,
    const assess_label_t *labels, size_t n, double value)
{
    assess_exposition_name(b, name, "", labels, n, NULL);
    assess_buf_json_num(b, value);
    assess_buf_char(b, '\n');
}


/* The count is that of the buckets, whatever is added meanwhile */

void
assess_exposition_histogram(assess_buf_t *b, const char *name,
    const assess_label_t *labels, size_t n,
    const assess_histogram_t *histogram)
{
    int       i;
    uint64_t  count;

    count = 0;

    for (i = 0; i <= ASSESS_BOUNDS; i++) {
        count += assess_counted(&histogram->counts[i]);

        assess_exposition_name(b, name, "_bucket", labels, n,
                               i < ASSESS_BOUNDS ? assess_bound_names[i]
                                                 : "+Inf");
        assess_buf_printf(b, "%llu\n", (unsigned long long) count);
    }

    assess_exposition_name(b, name, "_sum", labels, n, NULL);
    assess_buf_json_num(b, (double) assess_counted(&histogram->sum) / 1e6);
    assess_buf_char(b, '\n');

    assess_exposition_name(b, name, "_count", labels, n, NULL);
    assess_buf_printf(b, "%llu\n", (unsigned long long) count);
}


void
assess_exposition_counter(assess_buf_t *b, const char *name, const char *help,
    double value)
{
    assess_exposition_head(b, name, "counter", help);
    assess_exposition_sample(b, name, NULL, 0, value);
}


void
assess_exposition_gauge(assess_buf_t *b, const char *name, const char *help,
    double value)
{
    assess_exposition_head(b, name, "gauge", help);
    assess_exposition_sample(b, name, NULL, 0, value);
}


assess_label_t
assess_exposition_label(const char *name, const char *value)
{
    assess_label_t  label;

    label.name = name;
    label.value.data = (char *) value;
    label.value.len = strlen(value);

    return label;
}


static void
assess_exposition_name(assess_buf_t *b, const char *name, const char *suffix,
    const assess_label_t *labels, size_t n, const char *bound)
{
    size_t  i;

    assess_buf_printf(b, "%s%s", name, suffix);

    for (i = 0; i < n; i++) {
        assess_buf_printf(b, "%c%s=\"", i ? ',' : '{', labels[i].name);
        assess_exposition_value(b, &labels[i]);
        assess_buf_char(b, '"');
    }

    if (bound) {
        assess_buf_printf(b, "%cle=\"%s\"", n ? ',' : '{', bound);
    }

    assess_buf_str(b, n || bound ? "} " : " ");
}


/* A name of a configuration may be anything; what is no UTF-8 is U+FFFD */

static void
assess_exposition_value(assess_buf_t *b, const assess_label_t *label)
{
    size_t       len;
    uint32_t     cp;
    const char  *p, *end;

    p = label->value.data;
    end = p + label->value.len;

    while (p < end) {

        len = assess_utf8_next(p, end, &cp);

        if (len == 0) {
            assess_buf_str(b, "\xef\xbf\xbd");
            p++;
            continue;
        }

        if (*p == '\n') {
            assess_buf_str(b, "\\n");

        } else {
            if (*p == '\\' || *p == '"') {
                assess_buf_char(b, '\\');
            }

            assess_buf_add(b, p, len);
        }

        p += len;
    }
}
