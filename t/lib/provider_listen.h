
/* Where the test provider listens. */

#ifndef PROVIDER_LISTEN_H
#define PROVIDER_LISTEN_H


/*
 * A socket on 127.0.0.1 that does not block; 0 is any free port.  Returns the
 * port; what fails ends the process.
 */
int provider_listen(int port, int *fd);

/* Says it, and writes it to the file unless the name is a number. */
void provider_tell_port(const char *file, int port);


#endif /* PROVIDER_LISTEN_H */
