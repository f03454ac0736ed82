
#include "assess_contact.h"

#include <string.h>


int
assess_contact_init(assess_contact_t *contact, const assess_db_conf_t *conf)
{
    memset(contact, 0, sizeof(assess_contact_t));

    contact->gap_ms = conf->gap_ms;
    contact->trial_ms = conf->connect_ms + ASSESS_CONTACT_PAUSE;
    contact->changed = conf->changed;
    contact->ctx = conf->ctx;

    return pthread_mutex_init(&contact->mutex, NULL) == 0 ? 0 : -1;
}


void
assess_contact_destroy(assess_contact_t *contact)
{
    (void) pthread_mutex_destroy(&contact->mutex);
}


assess_err_e
assess_contact_enter(assess_contact_t *contact, assess_err_t *err)
{
    int64_t       now;
    assess_err_e  rc;

    rc = ASSESS_OK;

    (void) pthread_mutex_lock(&contact->mutex);

    if (contact->away) {
        now = assess_mono_ms();

        if (now < contact->retry) {
            *err = contact->err;
            rc = err->kind;

        } else {

            /* whoever tries and never tells keeps the others for so long */

            contact->retry = now + contact->trial_ms;
        }
    }

    (void) pthread_mutex_unlock(&contact->mutex);

    return rc;
}


void
assess_contact_good(assess_contact_t *contact)
{
    int64_t  now, away;

    now = assess_mono_ms();

    (void) pthread_mutex_lock(&contact->mutex);

    away = contact->away;

    /* at first too: nobody knows what was before */

    if (away || contact->good == 0
        || (contact->gap_ms && contact->good
            && now - contact->good > contact->gap_ms))
    {
        contact->steady = now;
    }

    contact->away = 0;
    contact->good = now;

    (void) pthread_mutex_unlock(&contact->mutex);

    if (away && contact->changed) {
        contact->changed(contact->ctx, 0, now - away, "");
    }
}


void
assess_contact_bad(assess_contact_t *contact, const assess_err_t *err)
{
    int64_t  now, away;

    now = assess_mono_ms();

    (void) pthread_mutex_lock(&contact->mutex);

    away = contact->away;

    if (!away) {
        contact->away = now;
        contact->generation++;
    }

    contact->err = *err;
    contact->retry = now + ASSESS_CONTACT_PAUSE;

    (void) pthread_mutex_unlock(&contact->mutex);

    if (!away && contact->changed) {
        contact->changed(contact->ctx, 1, 0, err->message);
    }
}


void
assess_contact_leave(assess_contact_t *contact)
{
    (void) pthread_mutex_lock(&contact->mutex);
    contact->retry = 0;
    (void) pthread_mutex_unlock(&contact->mutex);
}


unsigned
assess_contact_generation(assess_contact_t *contact)
{
    unsigned  generation;

    (void) pthread_mutex_lock(&contact->mutex);
    generation = contact->generation;
    (void) pthread_mutex_unlock(&contact->mutex);

    return generation;
}


void
assess_contact_renew(assess_contact_t *contact)
{
    (void) pthread_mutex_lock(&contact->mutex);
    contact->generation++;
    (void) pthread_mutex_unlock(&contact->mutex);
}


int
assess_contact_lost_since(assess_contact_t *contact, int64_t since)
{
    int  lost;

    (void) pthread_mutex_lock(&contact->mutex);
    lost = contact->away && contact->away >= since;
    (void) pthread_mutex_unlock(&contact->mutex);

    return lost;
}


int
assess_contact_away(assess_contact_t *contact, assess_err_t *err)
{
    int  away;

    (void) pthread_mutex_lock(&contact->mutex);

    away = contact->away && assess_mono_ms() < contact->retry;

    if (away && err) {
        *err = contact->err;
    }

    (void) pthread_mutex_unlock(&contact->mutex);

    return away;
}


int64_t
assess_contact_away_since(assess_contact_t *contact)
{
    int64_t  since;

    (void) pthread_mutex_lock(&contact->mutex);
    since = contact->away;
    (void) pthread_mutex_unlock(&contact->mutex);

    return since;
}


int64_t
assess_contact_steady_ms(assess_contact_t *contact)
{
    int64_t  now, ms;

    (void) pthread_mutex_lock(&contact->mutex);

    now = assess_mono_ms();

    if (contact->away || contact->good == 0
        || (contact->gap_ms && now - contact->good > contact->gap_ms))
    {
        ms = 0;

    } else {
        ms = now - contact->steady;
    }

    (void) pthread_mutex_unlock(&contact->mutex);

    return ms;
}
