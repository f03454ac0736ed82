
/*
 * A storage of documents that is a bucket of object storage.  It stands here
 * and not in the store, which knows nothing of HTTP, and is handed to it.
 */

#ifndef ASSESS_STORAGE_S3_H
#define ASSESS_STORAGE_S3_H


#include "assess_s3.h"
#include "../store/assess_storage.h"


extern const assess_storage_ops_t  assess_storage_s3_ops;

/*
 * Objects have prefix in front of their names, which may be "".  All that is
 * given outlives it.  stop() is asked on any thread, as by assess_s3_watch().
 * NULL is out of memory.
 */
void *assess_storage_s3_create(const assess_s3_conf_t *conf,
    const char *bucket, const char *prefix, int (*stop)(void *ctx),
    void *ctx);


#endif /* ASSESS_STORAGE_S3_H */
