
/* sources: engine/assess_machine.c base/assess_base.c */
/* libs: -lm */

/* What is read of the machine, from files that look like those of the kernel. */

#include "engine/assess_machine.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static char  root[] = "/tmp/assess-machine-XXXXXX";


static void
file(const char *name, const char *text)
{
    char  path[256], *slash;
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s%s", root, name);

    for (slash = strchr(path + sizeof(root), '/'); slash;
         slash = strchr(slash + 1, '/'))
    {
        *slash = '\0';
        (void) mkdir(path, 0700);
        *slash = '/';
    }

    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}


static void
pressure(const char *name, long total)
{
    char  text[256];

    (void) snprintf(text, sizeof(text),
                    "some avg10=12.50 avg60=3.00 avg300=1.00 total=%ld\n"
                    "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
                    total);
    file(name, text);
}


static int
near(double got, double want)
{
    return fabs(got - want) < 0.0001;
}


static void
test_nothing(void)
{
    assess_machine_t       *m;
    assess_machine_look_t   look;

    m = assess_machine_open(root);
    ok(m != NULL, "a machine without files");
    is_int(assess_machine_pressure(m), 0, "tells nothing of pressure");

    assess_machine_look(m, 1000000, &look);
    assess_machine_look(m, 2000000, &look);
    ok(look.load < 0 && look.cpu < 0 && look.memory < 0,
       "and nothing is known of it");
    ok(assess_machine_waited(m) < 0, "nor of the thread");

    assess_machine_close(m);
    assess_machine_close(NULL);
}


static void
test_odd(void)
{
    assess_machine_t       *m;
    assess_machine_look_t   look;

    file("/proc/loadavg", "what?\n");
    file("/proc/pressure/cpu", "");
    file("/proc/pressure/memory", "full avg10=0.00 total=9\n");
    file("/proc/self/cgroup", "4:memory:/x\n");

    m = assess_machine_open(root);
    is_int(assess_machine_pressure(m), 0, "files that say something else");
    assess_machine_look(m, 1000000, &look);
    assess_machine_look(m, 2000000, &look);
    ok(look.load < 0 && look.cpu < 0 && look.memory < 0, "say nothing");
    assess_machine_close(m);
}


static void
test_look(void)
{
    assess_machine_t       *m;
    assess_machine_look_t   look;

    file("/proc/loadavg", "3.25 2.00 1.00 4/321 999\n");
    file("/proc/thread-self/schedstat", "5000000 2000000 77\n");
    pressure("/proc/pressure/cpu", 1000000);
    pressure("/proc/pressure/memory", 500000);

    m = assess_machine_open(root);
    is_int(assess_machine_pressure(m), 1, "there is pressure");

    assess_machine_look(m, 1000000, &look);
    ok(near(look.load, 3.25), "the load of the last minute");
    ok(look.cpu < 0 && look.memory < 0, "pressure is known from the second "
       "look on");

    pressure("/proc/pressure/cpu", 1500000);
    pressure("/proc/pressure/memory", 500000);
    assess_machine_look(m, 3000000, &look);
    ok(near(look.cpu, 0.25), "half a second of two");
    ok(near(look.memory, 0), "and none");

    pressure("/proc/pressure/cpu", 9500000);
    assess_machine_look(m, 4000000, &look);
    ok(near(look.cpu, 1), "never more than all");
    pressure("/proc/pressure/cpu", 1);
    assess_machine_look(m, 5000000, &look);
    ok(near(look.cpu, 0), "nor less than nothing");

    file("/proc/thread-self/schedstat", "5000000 2750000 79\n");
    is_int(assess_machine_waited(m), 750, "microseconds in the queue");
    is_int(assess_machine_waited(m), 0, "since they were asked for");

    assess_machine_close(m);
}


static void
test_group(const char *mount)
{
    char                    cpu[256], memory[256];
    assess_machine_t       *m;
    assess_machine_look_t   look;

    (void) snprintf(cpu, sizeof(cpu), "%s/a/b c/cpu.pressure", mount);
    (void) snprintf(memory, sizeof(memory), "%s/a/b c/memory.pressure", mount);

    file("/proc/self/cgroup", "4:memory:/x\n0::/a/b c\n");
    pressure("/proc/pressure/cpu", 0);
    pressure("/proc/pressure/memory", 0);
    pressure(cpu, 0);
    pressure(memory, 0);

    m = assess_machine_open(root);
    assess_machine_look(m, 1000000, &look);

    pressure("/proc/pressure/cpu", 300000);
    pressure("/proc/pressure/memory", 10000);
    pressure(cpu, 200000);
    pressure(memory, 400000);
    assess_machine_look(m, 2000000, &look);

    ok(near(look.cpu, 0.3), "%s: the machine's, where it is worse", mount);
    ok(near(look.memory, 0.4), "%s: the group's, where that is", mount);

    assess_machine_close(m);
}


/* Whatever this machine has, it can be read. */

static void
test_here(void)
{
    assess_machine_t       *m;
    assess_machine_look_t   look;

    m = assess_machine_open("");
    assess_machine_look(m, 1000000, &look);
    assess_machine_look(m, 2000000, &look);

    ok(look.load >= 0, "this machine has a load: %.2f", look.load);
    ok(look.cpu <= 1 && look.memory <= 1, "and pressure, if it tells: %.2f, "
       "%.2f", look.cpu, look.memory);

    assess_machine_close(m);
}


int
main(void)
{
    char  command[64];

    if (mkdtemp(root) == NULL) {
        printf("Bail out! no directory\n");
        return 1;
    }

    test_nothing();
    test_odd();
    test_look();
    test_group("/sys/fs/cgroup/unified");
    test_group("/sys/fs/cgroup");
    test_here();

    (void) snprintf(command, sizeof(command), "rm -rf %s", root);
    is_int(system(command), 0, "nothing is left");

    return done_testing();
}
