
/* The encoding of bytes that do not say it of themselves. */

#ifndef ASSESS_GUESS_H
#define ASSESS_GUESS_H


#include "assess_charset.h"


/*
 * What a text without a byte order mark is most likely in: UTF-8 where it can
 * be that, then UTF-16, the encodings of Asia, and those of one byte;
 * Windows-1252 where nothing speaks for another one.  To be called once
 * assess_charset_prepare() was; a converter that is not there is not chosen.
 */
assess_charset_e assess_guess(const char *data, size_t len);


#endif /* ASSESS_GUESS_H */
