
#include "assess_smtp.h"

#include <stdio.h>
#include <string.h>


const char *
assess_smtp_url(const char *text)
{
    char        *part;
    CURLU       *url;
    size_t       i;
    const char  *why;

    static const CURLUPart  unwanted[] = {
        CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT
    };

    if (strncmp(text, "smtp://", 7) != 0 && strncmp(text, "smtps://", 8) != 0)
    {
        return "must begin with \"smtp://\" or \"smtps://\"";
    }

    url = curl_url();
    if (url == NULL) {
        return "could not be read: out of memory";
    }

    why = NULL;

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK
        || *(strchr(text, ':') + 3) == '/')
    {
        why = "is no URL with a host";
    }

    for (i = 0; why == NULL && i < sizeof(unwanted) / sizeof(unwanted[0]);
         i++)
    {
        if (curl_url_get(url, unwanted[i], &part, 0) == CURLUE_OK) {
            curl_free(part);
            why = "must have a host and a port only, a user and a password "
                  "have directives of their own";
        }
    }

    curl_url_cleanup(url);

    return why;
}


static size_t
assess_smtp_on_read(char *data, size_t size, size_t n, void *ctx)
{
    assess_smtp_mail_t *mail = ctx;

    n *= size;

    if (n > mail->message.len - mail->sent) {
        n = mail->message.len - mail->sent;
    }

    memcpy(data, mail->message.data + mail->sent, n);
    mail->sent += n;

    return n;
}


int
assess_smtp_load(CURL *easy, const assess_smtp_conf_t *conf, const char *to,
    assess_smtp_mail_t *mail)
{
    char   rcpt[260];
    long   err;

    (void) snprintf(mail->from, sizeof(mail->from), "<%s>", conf->from.data);
    (void) snprintf(rcpt, sizeof(rcpt), "<%s>", to);

    mail->sent = 0;
    mail->to = curl_slist_append(NULL, rcpt);

    if (mail->to == NULL) {
        return -1;
    }

    err = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    err |= curl_easy_setopt(easy, CURLOPT_URL, conf->url.data);
    err |= curl_easy_setopt(easy, CURLOPT_USE_SSL,
                            conf->tls == ASSESS_SMTP_TLS_OFF
                            ? (long) CURLUSESSL_NONE : (long) CURLUSESSL_ALL);
    err |= curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from);
    err |= curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, mail->to);
    err |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                            (curl_off_t) mail->message.len);
    err |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, assess_smtp_on_read);
    err |= curl_easy_setopt(easy, CURLOPT_READDATA, mail);

    if (conf->user.data) {
        err |= curl_easy_setopt(easy, CURLOPT_USERNAME, conf->user.data);
        err |= curl_easy_setopt(easy, CURLOPT_PASSWORD, conf->password.data);
    }

    if (conf->ca_file) {
        err |= curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
    }

    return err == CURLE_OK ? 0 : -1;
}


int
assess_smtp_refused(CURLcode code, long status)
{
    switch (code) {

    case CURLE_OK:
    case CURLE_LOGIN_DENIED:
    case CURLE_REMOTE_ACCESS_DENIED:         /* HELO */
    case CURLE_USE_SSL_FAILED:
        return 0;

    default:
        return status >= 550 && status <= 559;
    }
}
