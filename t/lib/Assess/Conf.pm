package Assess::Conf;

# Configurations that nginx is asked about with "nginx -t": how one is put
# together, in which folder, and what is said of it.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);

use Assess::Process qw(write_file run_as);
use Assess::Server;

our @EXPORT_OK = qw(%main $dir $extract $module check conf http provider setting);

our $dir = tempdir('assess-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);

my $server = Assess::Server->new(home => $dir, port => 1, database => '');

our ($nginx, $module, $extract) = @$server{qw(nginx module extract)};

# workers of a server started as root are somebody else
chmod 0755, $dir;

our %main = (
    assess_zone => 'assess 8m',
    assess_database => '"host=/nowhere dbname=assess"',
    assess_threads => 'jobs=assess_jobs store=assess_store fetch=assess_fetch',
    assess_extract => $extract,
    assess_temp_path => "$dir/temp/assess",
    assess_tenant => 'acme',
);

my $pools = "thread_pool assess_jobs threads=2;\n"
    . "thread_pool assess_store threads=2;\n"
    . "thread_pool assess_fetch threads=2;\n";


# without => names of directives, http => text, location => text or undef for
# none, server => text; the configuration as a whole.
sub conf {
    my (%o) = @_;

    my %have = %main;
    delete @have{ @{ $o{without} // [] } };

    my $location = exists $o{location} ? $o{location}
                 : "location /api/ {\n assess_api;\n}\n";

    return "load_module $module;\npid $dir/nginx.pid;\n"
        . "error_log $dir/logs/error.log debug;\n"
        . ($o{pools} // $pools) . ($o{main} // '')
        . "events {}\nhttp {\naccess_log off;\n"
        . join('', map {"${_}_temp_path $dir/temp/$_;\n"}
               qw(client_body proxy fastcgi uwsgi scgi))
        . join('', map {"$_ $have{$_};\n"} sort keys %have)
        . ($o{http} // '')
        . "server {\nlisten 127.0.0.1:1;\n" . ($o{server} // '')
        . ($location // '') . "}\n}\n";
}


# nginx -t: its status and what it says.
sub check {
    my ($conf, %env) = @_;

    write_file("$dir/nginx.conf", $conf);
    local @ENV{keys %env} = values %env;

    return run_as(undef, $nginx, '-t', '-p', $dir, '-c', "$dir/nginx.conf",
                  '-e', "$dir/logs/stderr.log");
}


sub http     { my ($text, @without) = @_;
               return conf(without => \@without, http => $text) }
sub setting  { my ($text) = @_;
               return http("assess_provider x {\ntype openai;\n$text # here\n}\n") }
sub provider { my ($name, $text) = @_;
               return http("assess_provider $name {\n$text\n} # here\n") }


1;
