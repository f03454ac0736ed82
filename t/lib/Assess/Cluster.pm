package Assess::Cluster;

# A private PostgreSQL on a unix socket.  As root it runs as "postgres", which
# must be able to get at it: where it cannot (a home below /root), or where the
# socket's name would be too long, the cluster is put below /var/tmp and the
# place is noted.

use strict;
use warnings;

use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);

use Assess::Process qw(spawn run_as alive working_in end_all wait_until
                       reachable slurp write_file);

use constant SOCKET_MAX => 100;

our $WEB_USER = 'www-data';


sub new {
    my ($class, %o) = @_;

    my $self = bless { home => $o{home}, conf => $o{conf} // '' }, $class;

    $self->{user} = 'postgres' if $> == 0;
    $self->{bin} = _programs();
    $self->{dir} = $self->_place;
    $self->{data} = "$self->{dir}/data";
    $self->{socket} = "$self->{dir}/socket";
    $self->{log} = "$self->{home}/logs/postgres.log";

    return $self;
}


sub _programs {
    my @found = sort { _major($b) <=> _major($a) }
                grep { -x "$_/initdb" && _major($_) >= 15 }
                glob '/usr/lib/postgresql/*/bin';

    return $found[0] if @found;

    my ($status, $dir) = run_as(undef, 'pg_config', '--bindir');
    chomp $dir;

    return $dir if $status == 0 && -x "$dir/initdb";
    die "there is no PostgreSQL 15 or later here\n";
}


sub _major {
    return $_[0] =~ m{/(\d+)/bin\z} ? $1 : 0;
}


sub _place {
    my ($self) = @_;

    my $note = "$self->{home}/cluster.place";
    my $place = slurp($note);

    if (defined $place) {
        chomp $place;
        return $place if -d $place;
    }

    $place = "$self->{home}/cluster";

    if (length "$place/socket/.s.PGSQL.5432" > SOCKET_MAX
        || $self->{user} && !reachable($self->{user}, $self->{home}))
    {
        $place = tempdir('assess-XXXXXXXX', DIR => '/var/tmp');
        write_file($note, "$place\n");
        $self->{elsewhere} = 1;
    }

    return $place;
}


sub _create {
    my ($self) = @_;

    for my $dir ($self->{dir}, $self->{socket}, $self->{data}) {
        mkdir $dir or $!{EEXIST} or die "$dir: $!\n";
        chmod $dir eq $self->{data} ? 0700 : 0755, $dir;
        $self->_own($dir);
    }

    return if -e "$self->{data}/PG_VERSION" && -e "$self->{dir}/created";

    remove_tree($self->{data}, { keep_root => 1 });

    my ($status, $text) = run_as($self->{user}, "$self->{bin}/initdb", '-N',
        '-E', 'UTF8', '--locale=C.UTF-8', '-U', 'postgres', '-A', 'peer',
        '-D', $self->{data});

    die "initdb:\n$text" if $status;
}


sub _own {
    my ($self, $path) = @_;

    return unless $self->{user};

    my (undef, undef, $uid, $gid) = getpwnam $self->{user}
        or die "there is no user \"$self->{user}\"\n";
    chown $uid, $gid, $path or die "$path: $!\n";
}


# Who may come in is told by the kernel: this user and, as root, the user that
# nginx's workers run as.  "assess" owns its database and nothing else.
sub _configure {
    my ($self) = @_;

    my $me = getpwuid $>;
    my @map;

    for my $user ($me, $self->{user} // ()) {
        push @map, "private $user postgres", "private $user assess";
    }

    push @map, "private $WEB_USER assess" if $> == 0;

    # a new cluster makes its segments of WAL while clients wait for them: it
    # need not write each of them twice; the last setting of a name counts
    my $main = slurp("$self->{data}/postgresql.conf");
    $main .= "include 'private.conf'\n" if $main !~ /^include 'private/m;

    my %file = (
        'postgresql.conf' => $main,
        'pg_hba.conf' => "local all all peer map=private\n",
        'pg_ident.conf' => join('', map {"$_\n"} @map),
        'private.conf' => <<"END",
listen_addresses = ''
port = 5432
unix_socket_directories = '$self->{socket}'
unix_socket_permissions = 0777
max_connections = 200
shared_buffers = 128MB
wal_init_zero = off
log_destination = stderr
logging_collector = off
log_line_prefix = '%m [%p] '
$self->{conf}
END
    );

    for my $name (keys %file) {
        write_file("$self->{data}/$name", $file{$name}, 0600);
        $self->_own("$self->{data}/$name");
    }
}


# A killed predecessor leaves processes, postmaster.pid and the socket.  All
# processes of a cluster work in its data directory.
sub _clear {
    my ($self) = @_;

    my @left = working_in($self->{data}, 'postgres');

    end_all(\@left, INT => 10, QUIT => 5, KILL => 5)
        or die "the PostgreSQL left in $self->{data} does not end\n";

    unlink "$self->{data}/postmaster.pid",
        glob "$self->{socket}/.s.PGSQL.5432*";
}


sub start {
    my ($self) = @_;

    $self->_create;
    $self->_clear;
    $self->_configure;
    $self->launch;

    return $self if -e "$self->{dir}/created";

    $self->sql_as('postgres', 'postgres', 'CREATE ROLE assess LOGIN');
    $self->sql_as('postgres', 'postgres', 'CREATE DATABASE assess OWNER assess');
    write_file("$self->{dir}/created", '');

    return $self;
}


# Over what is there, as after a crash of the postmaster alone.
sub launch {
    my ($self) = @_;

    $self->{pid} = spawn(
        command => ["$self->{bin}/postgres", '-D', $self->{data}],
        user => $self->{user}, log => $self->{log}, cwd => '/',
        env => { LC_ALL => 'C.UTF-8', PGOPTIONS => '' });

    my $ready = wait_until(60, sub {
        die "PostgreSQL did not start:\n" . _tail($self->{log})
            unless alive($self->{pid});

        my ($status) = run_as($self->{user}, "$self->{bin}/pg_isready", '-q',
            '-h', $self->{socket}, '-d', 'postgres');
        return $status == 0;
    });

    die "PostgreSQL is not ready after a minute\n" unless $ready;
    return $self;
}


sub _tail {
    my ($path) = @_;

    my @lines = split /^/, slurp($path) // '';
    return join '', @lines > 20 ? @lines[-20 .. -1] : @lines;
}


sub conninfo {
    my ($self, $database) = @_;

    return "host=$self->{socket} port=5432 user=assess dbname="
        . ($database // 'assess');
}


sub sql_as {
    my ($self, $role, $database, $sql) = @_;

    my ($status, $text) = run_as(undef, "$self->{bin}/psql", '-XqAt',
        '-v', 'ON_ERROR_STOP=1', '-h', $self->{socket}, '-p', 5432,
        '-U', $role, '-d', $database, '-c', $sql);

    die "psql: $text" if $status;
    chomp $text;
    return $text;
}


# The answer of a query on the module's database, rows by line, columns by |.
sub sql {
    my ($self, $sql) = @_;

    return $self->sql_as('assess', 'assess', $sql);
}


# A session that has done this, a lock for example, and holds on to it until what
# is returned is called.
sub held {
    my ($self, $sql) = @_;

    my $pid = open2(my $out, my $in, "$self->{bin}/psql", '-XqAt',
        '-v', 'ON_ERROR_STOP=1', $self->conninfo);

    print {$in} "begin;\n$sql;\n\\echo held\n";
    $in->flush;

    my $line;

    do {
        $line = <$out> // die "psql ended\n";
    } until $line eq "held\n";

    return sub { print {$in} "rollback;\n"; close $in; waitpid $pid, 0 };
}


# An empty database more, owned by the module's role.
sub create_database {
    my ($self, $name) = @_;

    $self->sql_as('postgres', 'postgres', "CREATE DATABASE $name OWNER assess");
    return $self->conninfo($name);
}


# Fast: transactions are rolled back, clients sent away.
sub stop {
    my ($self) = @_;

    return unless $self->{pid};

    end_all([delete $self->{pid}], INT => 20, QUIT => 10, KILL => 5)
        or die "PostgreSQL does not end\n";
}


# As a power cut does it, all but the disk: nothing is written any more.  One
# that was just being forked is found at the next look.
sub crash {
    my ($self) = @_;

    while (my @all = working_in($self->{data}, 'postgres')) {
        kill 'KILL', @all;
        end_all(\@all, KILL => 10) or die "PostgreSQL does not die\n";
    }

    delete $self->{pid};
}


sub processes {
    my ($self) = @_;

    return working_in($self->{data}, 'postgres');
}


# For a cluster that is not to be used again.
sub remove {
    my ($self) = @_;

    $self->stop;
    remove_tree($self->{dir});
    unlink "$self->{home}/cluster.place";
}


1;
