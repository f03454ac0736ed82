package Assess::Server;

# One nginx with the module: its home, its configuration, its life.

use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

use Assess::HTTP;
use Assess::Process qw(spawn run_as alive working_in end_all wait_until
                       reachable slurp write_file);

our $REPO = realpath(dirname(__FILE__) . '/../../..');

my $WEB_USER = 'www-data';


# home, port, database (a libpq connection string); env: the variables that
# steer make run, %ENV by default.
sub new {
    my ($class, %o) = @_;

    my $env = $o{env} // \%ENV;
    my $build = $env->{ASSESS_BUILD} || "$REPO/build";

    my $self = bless {
        home => $o{home}, port => $o{port}, database => $o{database},
        env => $env, log_level => $o{log_level} // 'notice',
        nginx => _find($env->{ASSESS_NGINX} || 'nginx'),
        module => "$build/nginx/ngx_http_assess_module.so",
        extract => "$build/assess-extract",
        http => Assess::HTTP->new(port => $o{port}),
    }, $class;

    for my $dir ('logs', 'temp', 'temp/assess') {
        make_path("$self->{home}/$dir");
    }

    for my $file (qw(module extract)) {
        die "$self->{$file} is not there: run \"make build\"\n"
            unless -e $self->{$file};
    }

    return $self;
}


sub _find {
    my ($name) = @_;

    # an ordinary user's PATH has no sbin
    my @paths = $name =~ m{/} ? $name : map {"$_/$name"}
                split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';

    for my $path (@paths) {
        return realpath($path) if -f $path && -x _;
    }

    die "there is no nginx \"$name\"\n";
}


sub _number {
    my ($self, $name, $default) = @_;

    my $value = $self->{env}{$name};
    return $default if !defined $value || $value eq '';

    die "$name must be a whole number above 0, not \"$value\"\n"
        unless $value =~ /^[1-9]\d{0,8}\z/;
    return $value;
}


# A parameter of a directive, whatever is in it.
sub _quoted {
    my ($text) = @_;

    die "a line end in a setting\n" if $text =~ /[\r\n\0]/;
    $text =~ s/([\\"])/\\$1/g;
    return "\"$text\"";
}


# The names of the providers, the default one first.
sub _providers {
    my ($self) = @_;

    my $env = $self->{env};
    my @able = ((grep { ($env->{ uc($_) . '_API_KEY' } // '') ne '' }
                 qw(openai anthropic)), 'local');
    my $first = $env->{ASSESS_PROVIDER} || $able[0];

    die "ASSESS_PROVIDER must be openai, anthropic or local\n"
        unless $first =~ /^(?:openai|anthropic|local)\z/;

    return ($first, grep { $_ ne $first } @able);
}


sub _provider {
    my ($self, $name, $first) = @_;

    my $env = $self->{env};
    my @lines = ("type $name");

    my %url = (openai => 'https://api.openai.com/v1',
               anthropic => 'https://api.anthropic.com');
    my %model = (openai => 'gpt-4o-mini', anthropic => 'claude-3-5-haiku-latest');

    if ($name ne 'local') {
        my $key = uc($name) . '_API_KEY';
        my $url = $env->{ uc($name) . '_BASE_URL' } || $url{$name};

        $url =~ s{/+\z}{};
        push @lines, 'url ' . _quoted($url);
        push @lines, "api_key env:$key" if ($env->{$key} // '') ne '';
        push @lines, 'model ' . _quoted(($first && $env->{ASSESS_MODEL})
                                        || $model{$name});
        push @lines, 'concurrency '
            . $self->_number('ASSESS_CONCURRENCY', 64);
    }

    push @lines, 'questions_per_batch '
        . $self->_number('ASSESS_QUESTIONS_PER_BATCH', 5);

    return join '', "    assess_provider $name {\n",
        (map {"        $_;\n"} @lines), "    }\n";
}


# Workers of a server started as root are not root where they can help it:
# they must get at the home and at the extraction program.
sub _worker_user {
    my ($self) = @_;

    return if $> != 0;

    for my $path ($self->{home}, $self->{extract}) {
        return 'root' if !reachable($WEB_USER, $path);
    }

    return $WEB_USER;
}


sub configure {
    my ($self) = @_;

    my $env = $self->{env};
    my $home = $self->{home};
    my $user = $self->_worker_user;
    my @providers = $self->_providers;
    my ($status, $built) = run_as(undef, $self->{nginx}, '-V');

    die "$self->{nginx} -V:\n$built" if $status;
    die "ASSESS_EMBEDDING_MODEL: embeddings are not there yet\n"
        if ($env->{ASSESS_EMBEDDING_MODEL} // '') ne '';

    my @temp = grep { $built !~ /--without-http_${_}_module/ }
               qw(proxy fastcgi uwsgi scgi);
    my $prices = $env->{ASSESS_PRICES} || "$REPO/docs/examples/prices.json";
    my $extra = $env->{ASSESS_EXTRA};

    my %value = (
        LOAD_MODULE => 'load_module ' . _quoted($self->{module}) . ';',
        USER => $user ? "user $user;" : '',
        WORKERS => $self->_number('ASSESS_WORKERS', 1),
        JOBS => $self->_number('ASSESS_JOBS', 32),
        LEASE => $self->_number('ASSESS_LEASE', 8) . 's',
        HOME => $home, PORT => $self->{port},
        LOG_LEVEL => $self->{log_level},
        ENV => join("\n", map {"env $_;"} grep { exists $env->{$_} }
            qw(OPENAI_API_KEY ANTHROPIC_API_KEY ASAN_OPTIONS UBSAN_OPTIONS)),
        TEMP_PATHS => join("\n", map {"    ${_}_temp_path $home/temp/$_;"} @temp),
        DATABASE => _quoted($self->{database}),
        EXTRACT => _quoted($self->{extract}),
        PRICES => -e $prices || $env->{ASSESS_PRICES}
            ? '    assess_prices ' . _quoted(realpath($prices) // $prices) . ';'
            : '',
        PROVIDERS => join('', map { $self->_provider($_, $_ eq $providers[0]) }
                          @providers),
        EXTRA => defined $extra && $extra ne ''
            ? '    include ' . _quoted(realpath($extra) // $extra) . ';' : '',
    );

    die "the home's path cannot be written in a configuration: $home\n"
        if $home =~ /[\s;{}"'\\\$]/;

    my $text = slurp("$REPO/docs/examples/run.conf.in");
    $text =~ s/\@([A-Z_]+)\@/$value{$1} \/\/ die "no value for $1\n"/ge;

    # a connection string may hold a password
    write_file("$home/nginx.conf", $text, 0600);

    if ($user && $user ne 'root') {
        my (undef, undef, $uid, $gid) = getpwnam $user;
        chown $uid, $gid, "$home/temp", "$home/temp/assess";
    }

    return $self;
}


# All of an nginx started in this home: they work in it, see run.conf.in.
sub processes {
    my ($self) = @_;

    my ($name) = $self->{nginx} =~ m{([^/]+)\z};
    return working_in($self->{home}, 'nginx', $name, 'assess-extract');
}


# What a killed predecessor left.
sub clear {
    my ($self) = @_;

    my @left = $self->processes;
    return unless @left;

    end_all(\@left, TERM => 10, KILL => 5)
        or die "the nginx left in $self->{home} does not end\n";
}


# no_wait: returns at once; no_clear: beside what a predecessor left.
sub start {
    my ($self, %o) = @_;

    $self->clear unless $o{no_clear};
    $self->configure;

    $self->{pid} = spawn(
        command => [$self->{nginx}, '-p', $self->{home},
                    '-c', "$self->{home}/nginx.conf",
                    '-e', "$self->{home}/logs/error.log"],
        log => "$self->{home}/logs/stderr.log", cwd => $self->{home},
        env => { map { $_ => $self->{env}{$_} } grep { /_API_KEY\z|SAN_OPTIONS\z/ }
                 keys %{ $self->{env} } });

    $self->wait_ready($o{timeout} // 60) unless $o{no_wait};
    return $self;
}


sub wait_ready {
    my ($self, $seconds) = @_;

    my $last = '';

    my $ready = wait_until($seconds, sub {
        die "nginx did not start:\n" . $self->tail unless alive($self->{pid});
        die "interrupted\n" if $self->{interrupted};

        my $a = $self->{http}->request('GET', '/api/health/ready', timeout => 5)
            or return 0;

        $last = "$a->{status} $a->{body}";
        return $a->{status} == 200;
    });

    die "not ready after $seconds seconds: $last\n" . $self->tail unless $ready;
}


sub tail {
    my ($self) = @_;

    my @lines = map { split /^/, slurp("$self->{home}/logs/$_") // '' }
                qw(stderr.log error.log);
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}


sub http { return $_[0]{http} }


# The ids of the workers that serve, oldest first.
sub workers {
    my ($self) = @_;

    return grep { ((slurp("/proc/$_/stat") // '') =~ /\) \S (\d+)/
                   && $1 == $self->{pid}) } sort { $a <=> $b } $self->processes;
}


# New workers from the configuration as it is in the file now; returns when
# the old ones do not accept connections any more.
sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->{pid};
    wait_until(30, sub {
        my @all = grep { (slurp("/proc/$_/cmdline") // '') !~ /shutting down/ }
                  $self->workers;
        return @all && !grep { $old{$_} } @all;
    }) or die "nginx did not reload:\n" . $self->tail;
}


# Gracefully, for as long as it takes; then what it must be.
sub quit {
    my ($self, $seconds) = @_;

    $self->_end(QUIT => $seconds // 10, TERM => 5, KILL => 5);
}


sub stop {
    my ($self) = @_;

    $self->_end(TERM => 10, KILL => 5);
}


# As the kernel's killer does it: master and workers, at once.
sub kill_all {
    my ($self) = @_;

    my @all = $self->processes;
    kill 'KILL', @all;
    end_all(\@all, KILL => 10) or die "nginx does not die\n";
    delete $self->{pid};
}


sub _end {
    my ($self, @steps) = @_;

    my $pid = delete $self->{pid} // return;
    my @all = $self->processes;

    end_all([$pid], @steps) or die "nginx does not end\n";

    # workers of a master that had to be killed, and their children
    wait_until(2, sub { !grep { alive($_) } @all });
    end_all(\@all, TERM => 2, KILL => 5) or die "a worker does not end\n";
}


# What must not be in a log: our bugs, and what a sanitizer found.
sub alarms {
    my ($self) = @_;

    my @lines = map { split /\n/, slurp("$self->{home}/logs/$_") // '' }
                qw(error.log stderr.log);

    return grep { /\[(?:alert|emerg)\]|Sanitizer|runtime error:/ } @lines;
}


1;
