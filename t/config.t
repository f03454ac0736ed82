#!/usr/bin/perl

# Configurations: each mistake is told with its directive, file and line, in the
# words of docs/directives.md, which has every directive and every message;
# what may be configured is taken.  (Keys: t/config_keys.t.)

use strict;
use warnings;

use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;

use Assess::Conf qw(%main $dir $extract $module check conf http provider
                    setting);
use Assess::Process qw(slurp write_file run_as);

my $repo = "$FindBin::RealBin/..";

make_path("$dir/folder");

# workers of a server started as root are somebody else; root may do anything
mkdir "$dir/locked", 0500;
write_file("$dir/list.json", '[]');
write_file("$dir/negative.json", '{"gpt-4o-mini":{"input_cost_per_token":-1,'
    . '"output_cost_per_token":1}}');
write_file("$dir/broken.json", '{"a":1');
write_file("$dir/prices.json", '{"gpt-4o-mini":{"input_cost_per_token":1e-7,'
    . '"output_cost_per_token":1e-7}}');
write_file("$dir/long.key", 'k' x 5000);
write_file("$dir/empty.key", "\n");
write_file("$dir/spare.key", "spare\n");
write_file("$dir/spaced.key", "two words\n");



# The line of the mark, which stands in a comment of the configuration.
sub marked {
    my ($conf) = @_;

    my @lines = split /\n/, $conf;
    my ($i) = grep { $lines[$_] =~ /# here/ } 0 .. $#lines;
    return $i + 1;
}


sub s3       { my ($text) = @_;
               return http("assess_s3 x {\n$text # here\n}\n") }
sub smtp     { my ($text) = @_;
               return http("assess_smtp smtp://mail {\n$text # here\n}\n") }
sub source   { my ($text) = @_;
               return http("assess_s3 main {\nendpoint http://h; access_key k; "
                   . "secret_key k;\n}\n$text; # here\n") }
sub location { my ($head, $text) = @_;
               return conf(location => "location $head {\n$text\n}\n") }
sub api      { my ($head) = @_;
               return location($head, 'assess_api; # here') }
sub metrics  { my ($text) = @_;
               return conf(location => "location /api/ {\nassess_api;\n}\n"
                   . "location = /m {\n$text\n}\n") }
sub needs    { my ($name) = @_;
               return conf(without => [$name], location =>
                   "location /api/ {\n assess_api; # here\n}\n") }


my $bucket = "assess_s3 here {\nendpoint http://h;\naccess_key a;\n"
    . "secret_key hush-hush;\n}\n";

# by section of the documentation: [message, configuration], ...; the
# directory of this test stands there as /etc/nginx
my %mistakes = (

'Directives' => [
    ['"assess_jobs" directive is not allowed here',
        conf(server => "assess_jobs 1; # here\n")],
    ['invalid number of arguments in "assess_jobs" directive',
        http("assess_jobs 1 2; # here\n")],
    ['"assess_jobs" directive is duplicate',
        http("assess_jobs 1;\nassess_jobs 1; # here\n")],
],

'assess_api' => [
    (map { [qq{"assess_api" needs the "$_" directive}, needs($_)] }
        qw(assess_zone assess_database assess_threads assess_extract
           assess_tenant)),
    ['"assess_api" directive cannot be used in a location that is a regular '
        . 'expression', api('~ ^/api/')],
    (map { ['"assess_api" directive needs a location that is a prefix, such '
        . 'as "/api/"', $_] } api('= /api/'), api('@api'), api('""')),
    ['"assess_api" directive shares its location with another directive that '
        . 'answers requests',
        location('/api/', "proxy_pass http://127.0.0.1:1;\nassess_api; # here")],
    ['"assess_api" shares its location with another directive that answers '
        . 'requests',
        location('/api/', "assess_api; # here\nproxy_pass http://127.0.0.1:1;")],
],

'assess_dashboard' => [
    ['"assess_dashboard" directive cannot be used in a location that is a '
        . 'regular expression', location('~ ^/d', 'assess_dashboard; # here')],
    ['"assess_dashboard" directive needs a location that is a prefix, such as '
        . '"/api/"', location('= /d', 'assess_dashboard; # here')],
    ['"assess_dashboard" directive needs a location of letters, digits and '
        . '"/-._~"', location('"/d<b>"', 'assess_dashboard; # here')],
    (map { ['"assess_dashboard" directive needs the location of the API, such '
        . 'as "/api/"', location('/d', "assess_dashboard $_; # here")] }
        qw(api/ /api //evil/ /a?b/ "")),
    ['"assess_dashboard" directive shares its location with another directive '
        . 'that answers requests', location('/api/',
        "assess_api;\nassess_dashboard; # here")],
    ['"assess_dashboard" shares its location with another directive that '
        . 'answers requests', location('/d',
        "assess_dashboard; # here\nproxy_pass http://127.0.0.1:1;")],
],

'assess_metrics' => [
    ['"assess_metrics" needs the "assess_api" directive',
        conf(location => "location = /m {\nassess_metrics; # here\n}\n")],
    ['"assess_metrics" directive shares its location with another directive '
        . 'that answers requests',
        metrics("proxy_pass http://127.0.0.1:1;\nassess_metrics; # here")],
    ['"assess_metrics" shares its location with another directive that answers '
        . 'requests',
        metrics("assess_metrics; # here\nproxy_pass http://127.0.0.1:1;")],
],

'assess_tenant' => [
    (map { ['"assess_tenant" directive needs 1 to 128 bytes, or a variable',
        http("assess_tenant $_; # here\n", 'assess_tenant')] }
        '""', 'x' x 129),
    ['unknown "auth_tenant" variable',
        http("assess_tenant \$auth_tenant;\n", 'assess_tenant'), 'nowhere'],
],

'assess_user' => [
    ['unknown "auth_user" variable', http("assess_user \$auth_user;\n"),
        'nowhere'],
],

'assess_admin' => [
    ['unknown "assess_operator" variable',
        http("assess_admin \$assess_operator;\n"), 'nowhere'],
],

'assess_cors' => [
    ['"assess_cors" directive takes "credentials" with listed origins only, not with '
        . '"*"', http("assess_cors * credentials; # here\n")],
    ['"assess_cors" directive takes "*" or origins, not both',
        http("assess_cors * https://a.example.com; # here\n")],
    ['"assess_cors" has an invalid parameter "https://app.example.com/", an '
        . 'origin has no path, nor a slash at its end',
        http("assess_cors https://app.example.com/; # here\n")],
],

'assess_zone' => [
    ['"assess_zone" directive needs a name',
        http("assess_zone \"\" 8m; # here\n", 'assess_zone')],
    ['"assess_zone" has an invalid size "large"',
        http("assess_zone a large; # here\n", 'assess_zone')],
    ['"assess_zone" is too small with "512k", it needs 1m at least',
        http("assess_zone a 512k; # here\n", 'assess_zone')],
    ['"assess_zone" has a name that is taken: "conns"',
        http("limit_conn_zone \$uri zone=conns:1m;\n"
             . "assess_zone conns 1m; # here\n", 'assess_zone')],
],

'assess_database' => [
    ['"assess_database" has an invalid connection string: it is empty',
        http("assess_database \"\"; # here\n", 'assess_database')],
    (map { ['"assess_database" has an invalid connection string: it is neither '
        . 'key=value pairs nor a URI as PostgreSQL\'s clients take them',
        http("assess_database \"$_\"; # here\n", 'assess_database')] }
        'garbage', 'hots=db password=hush-hush', 'mysql://root@db/x',
        "host='db"),
    (map { [qq{"assess_database" has an invalid parameter "connections=$_", }
        . 'it takes a number from 1 to 1000',
        http("assess_database dbname=a connections=$_; # here\n",
             'assess_database')] } 0, -1, 1001, 'x', ''),
    (map { [qq{"assess_database" has an invalid parameter "timeout=$_", }
        . 'it takes a time from 1ms to 1h',
        http("assess_database dbname=a timeout=$_; # here\n",
             'assess_database')] } '2h', 0, 'x'),
    ['"assess_database" has a duplicate parameter "connections"',
        http("assess_database dbname=a connections=1 connections=2; # here\n",
             'assess_database')],
    ['"assess_database" directive takes the connection string, in quotes if it '
        . 'has spaces, and after it "connections=" and "timeout=" only,',
        http("assess_database host=db password=hush-hush; # here\n",
             'assess_database')],
],

'assess_storage' => [
    ['"assess_storage" has an invalid parameter "ftp", it takes "postgresql", '
        . '"directory" or "s3"', http("assess_storage ftp; # here\n")],
    (map { ['"assess_storage" directive needs the path of a directory',
        http("assess_storage directory$_; # here\n")] } '', ' ""'),
    ['"assess_storage" names "/etc/nginx/missing", which is not there '
        . '(2: No such file or directory)',
        http("assess_storage directory missing; # here\n")],
    ['"assess_storage" names "/etc/nginx/list.json", which is no directory',
        http("assess_storage directory list.json; # here\n")],
    ['"assess_storage" names "/etc/nginx/locked", which workers cannot write '
        . 'to (13: Permission denied)',
        http("assess_storage directory locked;\n"), 'nowhere'],
    ['"assess_storage" directive needs the name of an "assess_s3" block',
        http("assess_storage s3; # here\n")],
    ['"assess_storage" names "minio", which is no "assess_s3" block above it',
        http("assess_storage s3 minio bucket=docs; # here\n")],
    ['"assess_storage" must have a "bucket" parameter',
        http($bucket . "assess_storage s3 here; # here\n")],
    (map { [qq{"assess_storage" has an invalid parameter "bucket=$_", it takes }
        . 'the name of a bucket',
        http($bucket . "assess_storage s3 here bucket=$_; # here\n")] }
        'Docs', ''),
    (map { [qq{"assess_storage" has an invalid parameter "prefix=$_", it takes }
        . 'up to 200 letters, digits, "_", "-", "." or "/", without a "/" in '
        . 'front', http($bucket . "assess_storage s3 here bucket=docs "
                        . "prefix=$_; # here\n")] } '/x', 'a%', 'x' x 201),
    (map { [qq{"assess_storage" has an invalid parameter "name=$_", it takes 1 }
        . 'to 64 letters, digits, "_" or "-", but not "postgresql"',
        http("assess_storage directory folder name=$_; # here\n")] }
        'postgresql', '', 'a/b', 'x' x 65),
    (map { [qq{"assess_storage" has an invalid parameter "keep=$_", it takes a }
        . 'time up to 3650d',
        http("assess_storage directory folder keep=$_; # here\n")] }
        'long', '3651d'),
    (map { [qq{"assess_storage" has an invalid parameter "$_->[1]"},
        http("assess_storage $_->[0] $_->[1]; # here\n")] }
        ['postgresql', 'name=a'], ['directory folder', 'bucket=docs'],
        ['directory folder', 'mode=0600']),
    ['"assess_storage" has a duplicate parameter "keep"',
        http("assess_storage directory folder keep=1d keep=2d; # here\n")],
    ['"assess_storage" has a name that is taken: "directory"',
        http("assess_storage directory folder;\n"
             . "assess_storage directory folder; # here\n")],
],

'assess_threads' => [
    (map { [qq{"assess_threads" must have a "$_->[0]" parameter},
        http("assess_threads $_->[1]=assess_jobs; # here\n",
             'assess_threads')] } ['jobs', 'store'], ['store', 'jobs']),
    ['"assess_threads" has an invalid parameter "work=assess_jobs"',
        http("assess_threads work=assess_jobs; # here\n", 'assess_threads')],
    ['"assess_threads" has a duplicate parameter "jobs"',
        http("assess_threads jobs=assess_jobs jobs=assess_store; # here\n",
             'assess_threads')],
    (map { ['"assess_threads" directive needs different thread pools',
        http("assess_threads jobs=assess_jobs $_; # here\n",
             'assess_threads')] } 'store=assess_jobs',
        'store=assess_store fetch=assess_jobs',
        'store=assess_store fetch=assess_store'),
    ['unknown thread pool "assess_jobs"',
        conf(pools => "thread_pool assess_store threads=2;\n",
             without => ['assess_threads'], http => 'assess_threads '
             . "jobs=assess_jobs store=assess_store; # here\n")],
],

(map {
    my ($name, $words, @bad) = @$_;
    ($name => [map { [qq{"$name" must be $words, not "$_"},
                      http("$name $_; # here\n")] } @bad]);
}
    ['assess_jobs', 'a number from 1 to 10000', 0, 10001, -1, 'x'],
    ['assess_lease', 'a time from 500ms to 1h', '50ms', 0, '499ms', '2h'],
    ['assess_drain_timeout', 'a time from 0 to 24h', '2d', 'x'],
    ['assess_answer_cache', '"off" or a time from 1s to 3650d', 0, '999ms',
     '3651d', 'on'],
    ['assess_event_log', 'a time from 1m to 3650d', 0, '59s', '3651d', 'off'],
    ['assess_log_history', '"off" or a time from 1m to 3650d', 0, '59s',
     '3651d'],
    ['assess_history', '"off" or a time from 1m to 3650d', 0, '59s', 'on'],
    ['assess_document_cache', '"off" or a size of 1m at least', 0, '64k', -1,
     'x'],
    ['assess_source_timeout', 'a time from 100ms to 1h', 0, '99ms', '2h'],
    ['assess_source_stall_timeout', 'a time from 1s to 1h', '500ms', '2h'],
    ['assess_source_fetches', 'a number from 1 to 1000', 0, 1001, 'x'],
    ['assess_webhook_timeout', 'a time from 100ms to 1m', 0, '99ms', '61s'],
    ['assess_heartbeat', 'a time from 100ms to 1h', 0, '99ms'],
    ['assess_retry', 'a time from 1ms to 1h', 'soon', 0, '61m']),

'assess_log' => [
    (map { [qq{"assess_log" has an invalid parameter "$_", it takes the name }
        . 'of a file, without variables', http("assess_log \"$_\"; # here\n")] }
        '', 'syslog:server=unix:/dev/log', '/var/log/$host.log'),
    ['"assess_log" directive takes a file of its own, not that of a buffered '
        . 'log', http("access_log events.log combined buffer=32k;\n"
            . "assess_log events.log; # here\n")],
    ['"assess_log" takes a file of its own, not that of a buffered log',
        http("assess_log events.log;\n"
            . "access_log events.log combined buffer=32k;\n"), 1],
],

'assess_tenant_jobs' => [
    ['"assess_tenant_jobs" must be a number from 0 to 1000000, not "many"',
        http("assess_tenant_jobs many; # here\n")],
],

'assess_batch_jobs' => [
    ['"assess_batch_jobs" must be a number from 0 to 1000000, not "-1"',
        http("assess_batch_jobs -1; # here\n")],
],

'assess_cpu_tasks' => [
    (map { [qq{"assess_cpu_tasks" must be "auto" or a number from 1 to 1024, }
        . qq{not "$_"}, http("assess_cpu_tasks $_; # here\n")] }
        'many', 0, 1025, 'automatic'),
    (map { [qq{"assess_cpu_tasks" has an invalid parameter "$_", it takes a }
        . 'number from 1 to 1024', http("assess_cpu_tasks auto $_; # here\n")] }
        'min=0', 'min=x', 'max=1025', 'max='),
    ['"assess_cpu_tasks" has an invalid parameter "least=1"',
        http("assess_cpu_tasks auto least=1; # here\n")],
    ['"assess_cpu_tasks" has an invalid parameter "min=1", which goes with '
        . '"auto"', http("assess_cpu_tasks 4 min=1; # here\n")],
    ['"assess_cpu_tasks" has a duplicate parameter "max"',
        http("assess_cpu_tasks auto max=2 max=3; # here\n")],
    ['"assess_cpu_tasks" has a "min" of 4, which is above its "max" of 2',
        http("assess_cpu_tasks auto min=4 max=2; # here\n")],
],

'assess_source_allow' => [
    (map { [qq{"assess_source_allow" has an invalid parameter "$_", it has no }
        . 'name of a host', source("assess_source_allow \"$_\"")] }
        'http://', '', '*.', 'a/b', 'me@a'),
    (map { [qq{"assess_source_allow" has an invalid parameter "$_", it has no }
        . 'port from 1 to 65535, or "*"', source("assess_source_allow $_")] }
        'example.org:0', 'a:x', 'a:65536', 'ftp://a'),
    (map { [qq{"assess_source_allow" has an invalid parameter "$_", it has no }
        . 'name of a bucket', source("assess_source_allow $_ storage=main")] }
        's3://Reports', 's3://reports/a'),
    ['"assess_source_allow" names a storage that no "assess_s3" above it has: '
        . '"main"', http("assess_source_allow s3://reports storage=main; # here\n")],
    ['"assess_source_allow" must have a "storage" parameter for "s3://reports"',
        source('assess_source_allow s3://reports')],
    ['"assess_source_allow" has an invalid parameter "example.org", only buckets '
        . 'are in the storage "main"',
        source('assess_source_allow s3://a.b example.org storage=main')],
    ['"assess_source_allow" has an invalid parameter "storage=main"',
        source('assess_source_allow storage=main')],
    ['"assess_source_allow" needs the "fetch" parameter of "assess_threads"',
        conf(without => ['assess_threads'], http => "assess_source_allow a;\n"
             . "assess_threads jobs=assess_jobs store=assess_store;\n", location => "location /api/ {\nassess_api; # here\n}\n")],
],

(map { my $name = $_;
    ($name => [map { [qq{"$name" has an invalid parameter "$_", it takes }
        . 'networks, such as 10.1.0.0/16 or fd00::/8, with no bits behind the '
        . 'prefix', http("$name $_; # here\n")] }
        '10.20.0.0/8', 'localhost', '10.0.0.0/33', 'fd00::1/8']);
} qw(assess_source_private assess_webhook_private)),

(map { my $name = $_;
    ($name => [
    [qq{"$name" directive is duplicate},
        http("$name list.json;\n$name list.json; # here\n")],
    [qq{"$name" names the file "/etc/nginx/missing", }
        . 'which cannot be opened (2: No such file or directory)',
        http("$name missing; # here\n")],
    ]);
} qw(assess_source_trusted_certificate assess_webhook_trusted_certificate)),

'assess_webhook_secret' => [
    (map { ['"assess_webhook_secret" directive must begin with "whsec_"',
        http("assess_webhook_secret $_; # here\n")] } 'hush', 'WHSEC_hush'),
    (map { ['"assess_webhook_secret" directive must have 24 to 64 bytes behind '
        . '"whsec_", in base64', http("assess_webhook_secret $_; # here\n")] }
        'whsec_', 'whsec_hush', 'whsec_' . 'hush' x 22, 'whsec_' . '-ush' x 8),
    ['"assess_webhook_secret" directive is there more than 16 times',
        http(('assess_webhook_secret whsec_' . 'A' x 32 . ";\n") x 16
             . 'assess_webhook_secret whsec_' . 'A' x 32 . "; # here\n")],
    ['"assess_webhook_secret" directive must not be empty',
        http("assess_webhook_secret \"\"; # here\n")],
],

'assess_webhook_retry' => [
    (map { [qq{"assess_webhook_retry" has an invalid parameter "$_", it takes a }
        . 'time from 100ms to 1h', http("assess_webhook_retry $_; # here\n")] }
        '0', '99ms', '61m', 'soon'),
    (map { [qq{"assess_webhook_retry" has an invalid parameter "$_", it takes a }
        . 'time from 1s to 30d', http("assess_webhook_retry 1s $_; # here\n")] }
        '31d', '999ms', 'ever'),
],

'assess_smtp' => [
    (map { ['"assess_smtp" directive must begin with "smtp://" or "smtps://"',
        http("assess_smtp $_ { # here\nfrom a\@b;\n}\n")] }
        'mail.example.org', 'http://mail', 'hush:hush@mail'),
    ['"assess_smtp" directive is no URL with a host',
        http("assess_smtp smtp:///mail { # here\nfrom a\@b;\n}\n")],
    (map { ['"assess_smtp" directive must have a host and a port only, a user and '
        . 'a password have directives of their own',
        http("assess_smtp $_ { # here\nfrom a\@b;\n}\n")] }
        'smtp://me:hush@mail', 'smtp://me@mail', '"smtp://mail?hush"'),
    (map { my ($why, $text) = @$_;
        [qq{"assess_smtp" $why},
         http("assess_smtp smtp://mail {\n$text\n} # here\n")] }
        ['must have "from"', 'tls off;'],
        ['must have both "user" and "password", or neither',
         'from a@b; user me;'],
        ['must have both "user" and "password", or neither',
         'from a@b; password hush;'],
        ['sends no password without TLS',
         'from a@b; user me; password hush; tls off;']),
    ['unknown directive "form" in "assess_smtp"', smtp('form a@b;')],
],

'from' => [
    (map { ['"from" directive must be an address of mail, such as '
        . 'assess@example.org', smtp("from \"$_\";")] }
        '', 'me', 'Me <me@b>', 'me@b@c'),
],

'user' => [
    ['"user" directive must not be empty', smtp('user "";')],
],

'password' => [
    ['"password" names the environment variable "ASSESS_NO_KEY", which is not '
        . 'set', smtp('password env:ASSESS_NO_KEY;')],
],

'tls' => [
    (map { [qq{"tls" must be "required" or "off", not "$_"}, smtp("tls $_;")] }
        'on', 'try'),
],

'trusted_certificate' => [
    ['"trusted_certificate" names the file "/etc/nginx/missing", which cannot be '
        . 'opened (2: No such file or directory)',
        smtp('trusted_certificate missing;')],
],

'assess_s3' => [
    ['"assess_s3" has an invalid name "my storage"',
        http("assess_s3 \"my storage\" { # here\n}\n")],
    ['"assess_s3" has a name that is taken: "main"',
        source('assess_s3 main { # here' . "\n}\n#")],
    (map { my ($name, $text) = @$_;
        [qq{"assess_s3" "main" must have "$name"},
         http("assess_s3 main {\n$text\n} # here\n")] }
        ['endpoint', 'access_key k; secret_key k;'],
        ['access_key', 'endpoint http://h; secret_key k;'],
        ['secret_key', 'endpoint http://h; access_key k;']),
    (map { ['unknown directive "endpiont" in "assess_s3"', s3($_)] }
        'endpiont x;', 'endpiont=hush-hush;'),
    ['invalid number of arguments in "region" directive', s3('region a b;')],
    ['"region" directive is duplicate', s3("region a;\nregion b;")],
],

'endpoint' => [
    (map { ['"endpoint" directive must begin with "http://" or "https://"',
        s3("endpoint \"$_\";")] } 'ftp://h', 'h', ''),
    ['"endpoint" directive is no URL with a host', s3('endpoint http://;')],
    ['"endpoint" directive must not have a user, a key has a directive of its '
        . 'own', s3('endpoint http://me:hush-hush@h;')],
    ['"endpoint" directive must not have a query', s3('endpoint http://h?a=b;')],
    ['"endpoint" directive must not have a fragment',
        s3('endpoint "http://h#x";')],
    ['"endpoint" directive must not have a path', s3('endpoint http://h/docs;')],
],

'region' => [
    (map { ['"region" directive must have 1 to 64 of a-z, 0-9 and "-"',
        s3("region \"$_\";")] } '', 'EU', 'a:b', 'a' x 65),
],

'access_key' => [
    ['"access_key" directive must not be empty', s3('access_key "";')],
    ['"access_key" directive has a key with a character that no key has',
        s3('access_key "hush hush-hush";')],
],

'secret_key' => [
    ['"secret_key" names the environment variable "ASSESS_NO_KEY", which is not '
        . 'set', s3('secret_key env:ASSESS_NO_KEY;')],
],

'session_token' => [
    ['"session_token" directive needs the path of a file after "file:"',
        s3('session_token file:;')],
],

'addressing' => [
    ['"addressing" must be "path" or "host", not "virtual"',
        s3('addressing virtual;')],
],

'stall_timeout' => [
    ['"stall_timeout" must be a time from 1ms to 3600000ms, not "0"',
        s3('stall_timeout 0;')],
],

'assess_extract' => [
    ['"assess_extract" directive needs the path of a program',
        http("assess_extract \"\"; # here\n", 'assess_extract')],
    ['"assess_extract" names "/etc/nginx/missing", which cannot be run '
        . '(2: No such file or directory)',
        http("assess_extract missing; # here\n", 'assess_extract')],
    ['"assess_extract" names "/etc/nginx/folder", which is no program',
        http("assess_extract folder; # here\n", 'assess_extract')],
],

'assess_extract_limits' => [
    (map { [qq{"assess_extract_limits" has an invalid parameter "$_->[0]", it }
        . "takes $_->[1]", http("assess_extract_limits $_->[0]; # here\n")] }
        ['memory=1m', 'a size of 128m at least'],
        ['memory=x', 'a size of 128m at least'],
        ['output=1k', 'a size of 4k at least'],
        ['cpu=0', 'a time from 1s to 24h'],
        ['time=25h', 'a time from 1s to 24h'],
        ['document=0', 'a time from 1s to 24h'],
        ['pages=0', 'a number from 1 to 1000000'],
        ['pages=1000001', 'a number from 1 to 1000000']),
    ['"assess_extract_limits" has an invalid parameter "disk=1g"',
        http("assess_extract_limits disk=1g; # here\n")],
    ['"assess_extract_limits" has a duplicate parameter "pages"',
        http("assess_extract_limits pages=1 pages=1; # here\n")],
],

'assess_ocr_languages' => [
    (map { [qq{"assess_ocr_languages" has an invalid parameter "$_", it takes }
        . 'languages of Tesseract, as in "eng+deu"',
        http("assess_ocr_languages \"$_\"; # here\n")] }
        'eng deu', '', '../x'),
],

'assess_temp_path' => [],

'assess_prices' => [
    ['"assess_prices" directive needs the path of a file',
        http("assess_prices \"\"; # here\n")],
    ['"assess_prices" failed: prices "/etc/nginx/list.json" are not a JSON '
        . 'object', http("assess_prices list.json; # here\n")],
    ['"assess_prices" failed: prices "/etc/nginx/negative.json": "gpt-4o-mini" '
        . 'has no valid price', http("assess_prices negative.json; # here\n")],
    ['"assess_prices" failed: prices "/etc/nginx/broken.json" line 1: '
        . "'}' expected near end of file",
        http("assess_prices broken.json; # here\n")],
    ['"assess_prices" failed: prices "/etc/nginx/away.json": No such file or '
        . 'directory', http("assess_prices away.json; # here\n")],
],

'assess_tenant_budget' => [
    (map { [qq{"assess_tenant_budget" has an invalid parameter "$_", it takes a }
            . 'number of dollars', http("assess_tenant_budget $_; # here\n")] }
        'much', '-1', '1\$', 'nan'),
    ['"assess_tenant_budget" has an invalid parameter "", it takes the name of a '
        . 'tenant', http("assess_tenant_budget 1 \"\"; # here\n")],
    ['"assess_tenant_budget" directive is duplicate',
        http("assess_tenant_budget 1 a;\nassess_tenant_budget 2 a; # here\n")],
],

'assess_provider' => [
    ['"assess_provider" has an invalid name "my provider"',
        http("assess_provider \"my provider\" { # here\ntype local;\n}\n")],
    ['"assess_provider" has a name that is taken: "evidence"',
        http("assess_provider evidence { type local; }\n"
             . "assess_provider evidence { # here\ntype local;\n}\n")],
    ['"assess_provider" "openai" must have "type"', provider('openai', '')],
    ['"assess_provider" "openai" must have "url"',
        provider('openai', 'type openai; model m;')],
    ['"assess_provider" "openai" must have "model"',
        provider('openai', 'type openai; url http://h;')],
    (map { my ($name) = split ' ';
        [qq{"assess_provider" "evidence" is "local" and cannot have "$name"},
         provider('evidence', "type local; $_;")] }
        'url http://h', 'api_key k', 'concurrency 1', 'tries 1', 'asks 1',
        'images 1', 'max_tokens 1', 'connect_timeout 1s', 'timeout 1s',
        'backoff 1s', 'backoff_max 60s', 'price m input=1 output=1'),
    ['"assess_provider" "openai" has a "backoff" above its "backoff_max"',
        provider('openai', 'type openai; url http://h; model m; backoff 31s;')],
    (map { ['unknown directive "modle" in "assess_provider"', setting($_)] }
        'modle m;', 'modle=hush-hush;'),
    ['invalid number of arguments in "model" directive', setting('model a b;')],
    ['"model" directive is duplicate', setting("model a;\nmodel b;")],
],

'type' => [
    ['"type" must be "local" or "openai", not "anthropic"',
        http("assess_provider x {\ntype anthropic; # here\n}\n")],
],

'url' => [
    (map { ['"url" must begin with "http://" or "https://"',
        setting("url \"$_\";")] } 'ftp://h/v1', 'h/v1', '', 'localhost:80'),
    (map { ['"url" is no URL with a host', setting("url \"$_\";")] }
        'http://', 'https://', 'http:///v1', 'http://:80/', 'http://h:99999',
        'http://a b/', 'http://h:port/'),
    ['"url" must not have a user, a key has a directive of its own',
        setting('url http://me:hush-hush@h/v1;')],
    ['"url" must not have a query', setting('url http://h/v1?k=hush-hush;')],
    ['"url" must not have a fragment', setting('url "http://h/v1#x";')],
],

'api_key' => [
    ['"api_key" names the environment variable "ASSESS_NO_KEY", which is not '
        . 'set', setting('api_key env:ASSESS_NO_KEY;')],
    ['"api_key" directive needs the path of a file after "file:"',
        setting('api_key file:;')],
    ['"api_key" names the file "/etc/nginx/missing", which cannot be opened '
        . '(2: No such file or directory)', setting('api_key file:missing;')],
    ['"api_key" names the file "/etc/nginx/folder", which cannot be read (21: '
        . 'Is a directory)', setting('api_key file:folder;')],
    ['"api_key" names the file "/etc/nginx/long.key", which is too long for a '
        . 'key', setting('api_key file:long.key;')],
    (map { ['"api_key" directive must not be empty', setting("api_key $_;")] }
        '""', 'file:empty.key'),
    (map { ['"api_key" directive has a key with a character that no key has',
        setting("api_key $_;")] } '"hush hush-hush"', 'file:spaced.key'),
],

'model' => [['"model" directive must not be empty', setting('model "";')]],

(map {
    my ($name, $words, @bad) = @$_;
    ($name => [map { [qq{"$name" must be $words, not "$_"},
                      setting("$name $_;")] } @bad]);
}
    ['questions_per_batch', 'a number from 1 to 100', 0, 101],
    ['passages', 'a number from 1 to 100', 101, 'x'],
    ['concurrency', 'a number from 1 to 100000', 0],
    ['tries', 'a number from 1 to 100', 0],
    ['asks', 'a number from 1 to 20', 21],
    ['images', 'a number from 0 to 16', 17, 'on'],
    ['max_tokens', 'a number from 0 to 10000000', -1],
    ['connect_timeout', 'a time from 1ms to 600000ms', 0],
    ['timeout', 'a time from 1ms to 3600000ms', '2h'],
    ['backoff', 'a time from 1ms to 600000ms', 0],
    ['backoff_max', 'a time from 1ms to 3600000ms', 'never']),

'price' => [
    ['invalid number of arguments in "price" directive', setting('price m;')],
    (map { [qq{"price" has an invalid parameter "$_"},
        setting("price m $_ output=1;")] } 'input=cheap', 'input=-1',
        'input=nan', 'input=', 'in=1', 'cached=x', 'written=-1'),
    ['"price" must have "input" and "output" parameters',
        setting('price m input=1 input=1;')],
    ['"price" is given twice for the model "gpt-4o-mini"',
        setting("price gpt-4o-mini input=1 output=1;\n"
                . 'price gpt-4o-mini input=1 output=1;')],
],
);


# The common mistakes, with each directive.
my %twice = (
    (map { $_ => http("$_ $main{$_}; # here\n") } grep { $_ ne 'assess_tenant' }
        keys %main),
    (map { my ($name, $value) = @$_;
           ($name => http("$name $value;\n$name $value; # here\n")) }
        ['assess_jobs', 1], ['assess_cpu_tasks', 1], ['assess_lease', '1s'],
        ['assess_drain_timeout', 0], ['assess_heartbeat', '1s'],
        ['assess_retry', '1s'], ['assess_user', 'a'],
        ['assess_prices', 'prices.json'], ['assess_extract_limits', 'pages=1'],
        ['assess_ocr_languages', 'eng'], ['assess_source_timeout', '1s'],
        ['assess_source_stall_timeout', '1s'], ['assess_source_fetches', 1]),
    assess_tenant => http("assess_tenant a; # here\n"),
    assess_api => location('/api/', "assess_api;\nassess_api; # here"),
    assess_dashboard => location('/d',
        "assess_dashboard;\nassess_dashboard; # here"),
    assess_metrics => metrics("assess_metrics;\nassess_metrics; # here"),
);

subtest 'common mistakes' => sub {
    for my $name (sort keys %twice) {
        my ($status, $said) = check($twice{$name});

        is($said =~ s/\n.*//sr, qq{nginx: [emerg] "$name" directive is duplicate}
           . " in $dir/nginx.conf:" . marked($twice{$name}), "$name twice");

        my $conf = http("$name a b c d e f g h; # here\n", $name);
        $conf = location('/api/', "$name a b; # here")
            if $name =~ /^assess_(?:api|dashboard)\z/;
        $conf = location('/api/', "$name a; # here") if $name eq 'assess_api';
        $conf = metrics("$name a; # here") if $name eq 'assess_metrics';
        next if $name =~ /^assess_(?:database|extract_limits)\z/;

        ($status, $said) = check($conf);
        is($said =~ s/\n.*//sr, 'nginx: [emerg] invalid number of arguments in '
           . qq{"$name" directive in $dir/nginx.conf:} . marked($conf),
           "$name with too much");
    }
};


# The documentation: text by heading.
my $docs = slurp("$repo/docs/directives.md");
my (%section, @order);

for my $part (split /^(?=#+ )/m, $docs) {
    $part =~ s/^#+ (\S+)[^\n]*\n// or next;
    $section{$1} = $part;
    push @order, $1;
}


# Code spans of the list of errors that are messages: each has a quoted name
# or begins with one of nginx's own words.
sub documented {
    my ($text) = @_;

    $text =~ s/```.*?```//sg;
    my @spans = $text =~ /`([^`]+)`/g;
    s/\s+/ /g for @spans;

    return grep { /^"[a-z0-9_]+" .{6}/ || /^(?:unknown|invalid number) / } @spans;
}


subtest 'every directive is documented, and no other' => sub {
    my $source = join '', map { slurp($_) } glob "$repo/ngx_assess_module/*.c";
    my %names = map { $_ => 1 } $source =~ /\{ ngx_string\("([a-z0-9_]+)"\),/g;
    my @names = keys %names;             # some settings are of two blocks

    push @names, 'price' if $source =~ /"price", 5/;
    cmp_ok(scalar @names, '>', 30, 'the source has directives');

    is_deeply([sort grep { $_ ne 'Directives' } @order], [sort @names],
              'the documentation has the same ones');

    for my $name (grep { $_ ne 'Directives' } @order) {
        like($section{$name}, qr/^\| Syntax \| `\Q$name\E[ ;]/m,
             "$name: syntax");
        like($section{$name}, qr/^\| Default \| \S.*\n\| Context \| \S/m,
             "$name: default and context");
        ok(defined $mistakes{$name}, "$name: mistakes are tested");
    }
};


# what a line of the documentation leaves out: "the same with X"
my %seen;

for my $name ('Directives', grep { $_ ne 'Directives' } @order) {
    subtest "mistakes: $name" => sub {
        plan skip_all => 'only the common ones' if !@{ $mistakes{$name} };

        my $text = $section{$name} // '';
        $text =~ s/\s+/ /g;

        for my $case (@{ $mistakes{$name} }) {
            my ($message, $conf, $nowhere) = @$case;
            my ($status, $said) = check($conf);

            (my $expected = $message) =~ s{/etc/nginx/}{$dir/}g;
            $expected .= " in $dir/nginx.conf:" . marked($conf) unless $nowhere;
            ($said) = $said =~ /^(nginx: \[emerg\] .*)/m;

            cmp_ok($status, '!=', 0, "refused: $message");
            is($said, "nginx: [emerg] $expected", 'the message');
            unlike($said, qr/hush/, 'no secret');
            $seen{$message} = 1;
        }

        # a message with its own sample values, or the first of its kind
        my @said = documented($text);
        cmp_ok(scalar @said, '>', 0, 'there are messages in the documentation');
        ok($seen{$_}, "documented and true: $_") for @said;

        my %kinds = map { kind($_) => 1 } @said;
        ok($kinds{ kind($_->[0]) }, "true and documented: $_->[0]")
            for @{ $mistakes{$name} };
    };
}


# What messages have in common when the quoted values are taken out, and the
# word of each "the same with".
sub kind {
    my ($message) = @_;

    $message =~ s/"[^"]*"/""/g;
    $message =~ s/a (?:user|password|query|fragment)/a .../;
    return $message;
}


subtest 'what is taken' => sub {
    my ($status, $said);

    # loaded only, and configured without being used
    ($status, $said) = check("load_module $module;\npid $dir/nginx.pid;\n"
        . "events {}\nhttp {\naccess_log off;\n}\n");
    is($status, 0, 'the module is only loaded') or diag($said);

    ($status, $said) = check("load_module $module;\npid $dir/nginx.pid;\n"
        . "events {}\n");
    is($status, 0, 'there is no http') or diag($said);

    ($status, $said) = check(conf(without => [keys %main],
        location => "location / {\nreturn 204;\n}\n"));
    is($status, 0, 'no directive') or diag($said);

    ($status, $said) = check(conf(location => undef));
    is($status, 0, 'all directives but assess_api') or diag($said);

    ($status, $said) = check(conf());
    is($status, 0, 'the least that assess_api needs') or diag($said);

    ($status, $said) = check(conf(
        http => "server {\nlisten 127.0.0.1:2;\nassess_tenant \$host;\n"
            . "location /v1/ {\nassess_api;\nassess_user \"\";\n}\n"
            . "location ^~ /v2 {\nassess_api;\nassess_tenant b;\n"
            . "location /v2/in {\nreturn 204;\n}\n}\n}\n"
            . "server {\nlisten 127.0.0.1:3;\nlocation / {\nassess_api;\n}\n}\n"));
    is($status, 0, 'several servers and locations') or diag($said);

    for my $text ('assess_jobs 1', 'assess_jobs 10000', 'assess_cpu_tasks 1024',
                  'assess_cpu_tasks auto', 'assess_cpu_tasks auto max=1',
                  'assess_cpu_tasks auto min=1024',
                  'assess_cpu_tasks auto min=2 max=2',
                  'assess_lease 500ms', 'assess_lease 1h',
                  'assess_drain_timeout 0', 'assess_drain_timeout 24h',
                  'assess_heartbeat 100ms', 'assess_retry 1ms',
                  'assess_prices prices.json', 'assess_user "$host-$uri"',
                  'assess_extract_limits memory=128m cpu=1s time=24h '
                  . 'pages=1000000 output=4k document=24h',
                  'assess_ocr_languages eng+script/Greek',
                  'assess_source_private 127.0.0.1 10.0.0.0/8 ::/0 fd00::/8',
                  'assess_source_fetches 1000',
                  'assess_webhook_private 127.0.0.1 fd00::/8',
                  'assess_webhook_secret whsec_' . 'A' x 32,
                  'assess_webhook_secret whsec_' . 'A' x 84 . "AA==;\n"
                  . 'assess_webhook_secret whsec_' . 'B' x 32,
                  'assess_webhook_retry 100ms', 'assess_webhook_retry 1h 30d',
                  'assess_webhook_timeout 1m',
                  "assess_smtp smtp://mail { from a\@b; tls off; }\n#",
                  "assess_smtp smtps://[::1]:465 { from a\@b; user me;"
                  . " password file:spare.key; tls required;"
                  . " trusted_certificate list.json; }\n#",
                  'assess_tenant_budget 0',
                  "assess_tenant_budget 2.5;\nassess_tenant_budget 10 acme",
                  'assess_source_trusted_certificate list.json')
    {
        ($status, $said) = check(http("$text;\n"));
        is($status, 0, $text) or diag($said);
    }

    for my $url ('http://h', 'https://h/v1/', 'http://127.0.0.1:8088/v1',
                 'http://[::1]:8088/v1')
    {
        ($status, $said) = check(provider('x',
            "type openai;\nurl $url;\nmodel m;\napi_key k;\ntries 100;\n"
            . "backoff 30s;\nprice m input=0.15 output=0;\n"
            . 'price n input=1 output=1;'));
        is($status, 0, $url) or diag($said);
    }

    ($status, $said) = check(conf(
        http => "assess_s3 a {\nendpoint http://h:1/;\n"
            . "region eu-1;\naccess_key a/b;\nsecret_key file:spare.key;\n"
            . "session_token env:ASSESS_T_KEY;\naddressing host;\n"
            . "connect_timeout 1s;\ntimeout 1h;\nstall_timeout 1s;\ntries 20;\n"
            . "}\nassess_source_allow a *.b http://c https://d:1 *.e:* [::1];\n"
            . "assess_source_allow s3://docs s3://a.b storage=a;\n"),
        ASSESS_T_KEY => 'token');
    is($status, 0, 'sources with all that they may have') or diag($said);

    ($status, $said) = check(provider('x', 'type local; passages 100; '
        . 'questions_per_batch 100; model m;'));
    is($status, 0, 'a local provider with all that it may have')
        or diag($said);
};


# The examples of the documentation are taken as they stand, but for paths and
# variables that belong to the reader.
subtest 'examples' => sub {
    my $variables = "map \$host \$auth_tenant {\ndefault a;\n}\n"
        . "map \$host \$auth_user {\ndefault u;\n}\n";

    write_file("$dir/$_", "sk-example\n")
        for qw(openai.key s3.access s3.secret minio.key smtp.password);
    write_file("$dir/$_", 'whsec_' . 'A' x 32)
        for qw(webhook.secret webhook.secret.old);
    make_path("$dir/srv/assess/documents");
    chmod 0777, "$dir/srv/assess/documents";

    for my $name (@order) {
        for my $text ($section{$name} =~ /^```nginx\n(.*?)^```/msg) {
            $text =~ s{/usr/local/libexec/assess-extract}{$extract}g;
            $text =~ s{/etc/nginx/}{$dir/}g;
            $text =~ s{/var/cache/nginx/}{$dir/temp/}g;
            $text =~ s{/srv/}{$dir/srv/}g;

            for my $conf (example($name, $text, $variables)) {
                my ($status, $said) = check($conf);
                is($status, 0, "$name: the example is taken")
                    or diag("$text\n$said");
            }
        }
    }
};


# The configurations that an example stands for: a whole, a location, a block,
# or lines of which each is an alternative.
sub example {
    my ($name, $text, $variables) = @_;

    if ($text =~ /\A(.*?)^http \{\n(.*)^\}\n/ms) {
        return conf(pools => $1, http => $2, without => [$name]);
    }

    # what needs the API elsewhere has it elsewhere
    $text .= "location /a/ {\nassess_api;\nassess_tenant a;\n}\n"
        if $text =~ /^location/m && $text !~ /assess_api/;

    return conf(http => $variables, without => ['assess_tenant'],
                location => $text) if $text =~ /^location/m;
    return conf(http => $text) if $text =~ /\{/;

    return map { $name eq 'price' ? provider('x',
                     "type openai; url http://h; model m; $_")
                 : conf(http => "$variables$_\n", without => [$name]) }
           split /\n/, $text;
}


subtest 'the example for production' => sub {
    my $text = slurp("$repo/docs/examples/nginx.conf");

    ok(defined $text, 'it is there') or return;

    my ($status, $said) = run_as(undef, 'openssl', 'req', '-x509', '-newkey',
        'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days',
        2, '-subj', '/CN=assess.example.net', '-keyout', "$dir/tls.key",
        '-out', "$dir/tls.pem");
    is($status, 0, 'a certificate') or diag($said);

    write_file("$dir/openai.key", "sk-example\n");

    $text =~ s{modules/ngx_http_assess_module\.so}{$module};
    $text =~ s{/usr/local/libexec/assess-extract}{$extract};
    $text =~ s{/etc/nginx/tls/assess\.(?:key|pem)}
              {$& =~ /key/ ? "$dir/tls.key" : "$dir/tls.pem"}ge;
    $text =~ s{/etc/nginx/tls/clients\.pem}{$dir/tls.pem}g;
    $text =~ s{/etc/nginx/}{$dir/}g;
    $text =~ s{/var/(?:log|cache)/nginx}{$dir/logs}g;
    $text =~ s{/run/nginx\.pid}{$dir/nginx.pid};
    $text =~ s{^user .*\n}{}m;
    $text =~ s{listen (\s*)443}{listen ${1}127.0.0.1:1}g;
    $text =~ s{\ninclude [^\n]*modules-enabled[^\n]*\n}{\n};

    ($status, $said) = check($text);
    is($status, 0, 'nginx takes it') or diag($said);
};


done_testing();
