
/* Mail by SMTP: what libcurl is told of a server, and what an answer means. */

#ifndef ASSESS_SMTP_H
#define ASSESS_SMTP_H


#include "../base/assess_base.h"

#include <curl/curl.h>


typedef enum {
    ASSESS_SMTP_TLS_REQUIRED = 0,    /* STARTTLS; smtps:// has it from the */
    ASSESS_SMTP_TLS_OFF              /* beginning */
} assess_smtp_tls_e;


/* Strings are NUL-terminated. */
typedef struct {
    assess_str_t        url;         /* smtp://host:587, smtps://host */
    assess_str_t        from;        /* an address */
    assess_str_t        user;        /* null: nobody logs in */
    assess_str_t        password;
    assess_smtp_tls_e   tls;
    const char         *ca_file;     /* NULL: those of the system */
} assess_smtp_conf_t;


/* Of a mail that is being sent; message is read from the beginning. */
typedef struct {
    assess_buf_t         message;
    size_t               sent;
    char                 from[260];  /* in angle brackets */
    struct curl_slist   *to;
} assess_smtp_mail_t;


/* What is wrong with the URL of a server, or NULL. */
const char *assess_smtp_url(const char *text);

/* Tells curl to send it, which is to live as long; 0, or -1. */
int assess_smtp_load(CURL *easy, const assess_smtp_conf_t *conf,
    const char *to, assess_smtp_mail_t *mail);

/*
 * Whether the server has refused this mail for good: not who we are, not what
 * its configuration or ours lacks, nor what may be otherwise in an hour.
 */
int assess_smtp_refused(CURLcode code, long status);


#endif /* ASSESS_SMTP_H */
