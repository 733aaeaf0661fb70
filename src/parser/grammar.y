/*
 * The grammar of the rule language: tokens to the syntax tree of syntax.h. It only builds; what names mean and whether
 * numbers are in range is check.c's. A service list is parsed flat and regrouped by the checker, because
 * `tcp 80, 443, tcp 22` would need two tokens of look-ahead otherwise. An error ends its statement, never the run.
 *
 * It is long because what is said of an error needs the parser's symbols, which no other file sees.
 */
%define api.pure full
%define api.prefix {spid_yy}
%define api.token.prefix {T_}
%define api.location.type {struct location}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%lex-param { void *lexer }
%parse-param { void *lexer } { struct scanner *scanner }

%code requires {
#include "parser/scanner.h"
}

%code {
#include <string.h>

#include <stdio.h>

#include "base/arena.h"
#include "parser/words.h"

#pragma GCC diagnostic ignored "-Wconversion"

#define YYLLOC_DEFAULT(current, rhs, n)                                                  \
    do {                                                                                 \
        if (n)                                                                           \
            (current) = location_span(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n));               \
        else                                                                             \
            (current) = YYRHSLOC(rhs, 0);                                                \
    } while (0)

/* A fresh node, and the same put before a list that grows at its head. */
#define NODE(type) ((type *)arena_take(scanner->arena, 1, sizeof(type)))
#define PUT(list, node) __extension__({ __auto_type put_ = (node); put_->next = (list); put_; })

int spid_yylex(union SPID_YYSTYPE *value, struct location *at, void *lexer);
static void spid_yyerror(const struct location *at, void *lexer, struct scanner *scanner, const char *message);
static struct statement *statement(struct scanner *scanner, struct location at, int kind);
static struct member_node *named(struct scanner *scanner, struct location at, struct word word);
static struct port_node *port_named(struct scanner *scanner, struct word word);
static struct service_node *service(struct scanner *scanner, struct location at, const char *protocol,
                                    struct port_node *ports);
static bool context_word(struct scanner *scanner, const struct word *word, const char *wanted);
}

%union {
    struct word word;
    struct { struct word word; uint32_t first, last; } number;
    struct { struct word word; uint64_t ms; } duration;
    struct { struct word word; struct rate rate; } rate;
    struct { struct word word; struct address_range range; unsigned bits; } address;
    struct { struct word word, zone; struct address suffix; } moving;
    enum action action;
    uint8_t states;
    struct statement *statement;
    struct member_node *member;
    struct endpoint_node endpoint;
    struct port_node *port;
    struct service_node *service;
    struct word_node *words;
    struct timeout_node *timeout;
    struct { struct word word; uint32_t first, last; } times;
    struct { struct word word; int32_t day; } date;
    struct { struct word word; uint32_t value, mask; } mark;
    struct schedule_node *schedule;
    struct log_node log;
    struct expect_node expect;
    struct rule_node *rule;
    struct limit_statement limit;
    struct set_node set;
    uint64_t ms;
    bool given;
}

%token NEWLINE "the end of the line"
%token ABANDONED "the end of the statement"
%token <word> NAME "a name"
%token <word> DOTTED "a name with dots"
%token <word> STRING "a string"
%token <word> RESERVED "a reserved word"
%token <number> NUMBER "a number"
%token <number> NUMBERS "a range of numbers"
%token <number> PERCENT "a percentage"
%token <duration> DURATION "a duration"
%token <rate> RATE "a rate"
%token <address> ADDRESS "an address"
%token <address> PREFIX "a prefix"
%token <moving> MOVING "a moving prefix"
%token <word> ALLOW "'allow'" DENY "'deny'" REJECT "'reject'" AUDIT "'audit'"
%token <word> INCLUDE "'include'" ZONE "'zone'" SET "'set'" SERVICE "'service'" TIMEOUT "'timeout'" LIMIT "'limit'"
%token <word> ADAPTIVE "'adaptive'" PRIORITY "'priority'" ANTISPOOF "'antispoof'" LOOSE "'loose'" OVERLOAD "'overload'"
%token <word> SCHEDULE "'schedule'" WHEN "'when'" EXPIRES "'expires'" FLAGS "'flags'" MARK "'mark'" PROTECT "'protect'"
%token <word> DHCP "'dhcp'" AT "'at'" FLAG_WORDS "TCP flags"
%token <times> TIMES "times of day"
%token <date> DATE "a date"
%token <mark> MARK_VALUE "a mark"
%token <word> ALG "'alg'"
%token <word> DYNAMIC "'dynamic'" DNS "'dns'" FOR "'for'"
%token <word> DEFAULT "'default'" HOOK "'hook'" QUEUE "'queue'" TEST "'test'" NO "'no'"
%token <word> FASTPATH "'fastpath'" ON "'on'"
%token <word> NET "'net'" FILE "'file'" ANY "'any'" SELF "'self'" PORT "'port'" TO "'to'" AS "'as'" LOG "'log'"
%token <word> TCP "'tcp'" UDP "'udp'" SCTP "'sctp'" ICMP "'icmp'" ICMP6 "'icmp6'" GRE "'gre'" ESP "'esp'" AH "'ah'" PROTO "'proto'"
%token <word> NEW "'new'" ESTABLISHED "'established'" RELATED "'related'" INVALID "'invalid'"
%token <word> EXPECT "'expect'" BY "'by'" THEN "'then'"

%type <statement> statement
%type <word> name interface protocol timeout_key days flag chain fastpath_mode on_event
%type <words> interfaces interface_list hooks words dns_names
%type <member> members member_list member nets item moving test_host test_address
%type <endpoint> endpoint source
%type <port> ports port_list port test_port
%type <service> services service_part test_service
%type <states> state states states_given test_state
%type <action> action verdict
%type <timeout> timeouts timeout_item
%type <log> log_given
%type <expect> expect
%type <rule> options
%type <limit> limit_parts
%type <set> dynamic
%type <ms> for_given
%type <given> per_source flush_given dhcp_given
%type <schedule> schedule_item schedule_items
%type <words> flag_words alg_words
%type <word> at_given

%%

file:
    %empty
  | file line
  ;

line:
    statement NEWLINE  { if ($1 != NULL) scanner->statements = PUT(scanner->statements, $1); }
  | NEWLINE
  | ABANDONED
  | error NEWLINE      { yyerrok; }
  | error ABANDONED    { yyerrok; }
  ;

name: NAME | STRING ;

statement:
    INCLUDE STRING
      { $$ = statement(scanner, @1, STATEMENT_INCLUDE); $$->include = $2; $$->include.at = @2; }
  | ZONE name '=' interfaces dhcp_given
      { $$ = statement(scanner, @1, STATEMENT_ZONE); $$->zone = (struct zone_node){.name = $2, .interfaces = $4, .dhcp = $5}; }
  | ZONE name '=' interfaces NET nets dhcp_given
      { $$ = statement(scanner, @1, STATEMENT_ZONE); $$->zone = (struct zone_node){$2, $4, $6, $7}; }
  | SET name '=' members
      { $$ = statement(scanner, @1, STATEMENT_SET); $$->set = (struct set_node){.name = $2, .members = $4}; }
  | SET name '=' FILE STRING
      { $$ = statement(scanner, @1, STATEMENT_SET); $$->set = (struct set_node){.name = $2, .file = $5}; }
  | SET name '=' dynamic
      { $$ = statement(scanner, @1, STATEMENT_SET); $$->set = $4; $$->set.name = $2; }
  | SET name '=' DNS dns_names
      { $$ = statement(scanner, @1, STATEMENT_SET); $$->set = (struct set_node){.name = $2, .names = list_reversed($5)}; }
  | SET name '=' DNS dns_names ','
      { $$ = statement(scanner, @1, STATEMENT_SET); $$->set = (struct set_node){.name = $2, .names = list_reversed($5)}; }
  | SERVICE name '=' services
      { $$ = statement(scanner, @1, STATEMENT_SERVICE); $$->service.name = $2; $$->service.services = list_reversed($4); }
  | SCHEDULE name '=' schedule_items
      { $$ = statement(scanner, @1, STATEMENT_SCHEDULE); $$->schedule.name = $2; $$->schedule.items = list_reversed($4); }
  | PROTECT source TO endpoint services
      {
        $$ = statement(scanner, @$, STATEMENT_PROTECT);
        $$->rule.src = $2; $$->rule.dst = $4; $$->rule.services = list_reversed($5);
      }
  | PROTECT source TO endpoint
      { $$ = statement(scanner, @$, STATEMENT_PROTECT); $$->rule.src = $2; $$->rule.dst = $4; }
  | TIMEOUT timeouts
      { $$ = statement(scanner, @1, STATEMENT_TIMEOUT); $$->timeouts = list_reversed($2); }
  | LIMIT NAME NUMBER limit_parts
      {
        $$ = NULL;
        bool half_open = strcmp($2.text, "half-open") == 0 && $4.per_source == 0 && $4.reserve == 0;
        if (half_open || context_word(scanner, &$2, "connections")) {
            $$ = statement(scanner, @1, half_open ? STATEMENT_HALF_OPEN : STATEMENT_LIMIT);
            $$->limit = $4;
            $$->limit.connections = $3.first;
            $$->limit.at = @3;
        }
      }
  | ANTISPOOF words
      { $$ = statement(scanner, @1, STATEMENT_ANTISPOOF); $$->antispoof = list_reversed($2); }
  | ADAPTIVE NAME PERCENT NAME PERCENT
      {
        $$ = NULL;
        if (context_word(scanner, &$2, "start") && context_word(scanner, &$4, "end")) {
            $$ = statement(scanner, @1, STATEMENT_ADAPTIVE);
            $$->adaptive.start = $3.first;
            $$->adaptive.end = $5.first;
            $$->adaptive.at = @3;
        }
      }
  | DEFAULT action log_given
      { $$ = statement(scanner, @1, STATEMENT_DEFAULT); $$->default_.action = $2; $$->default_.log = $3; }
  | LOG TO STRING
      { $$ = statement(scanner, @1, STATEMENT_LOG); $$->log_to.place = $3; $$->log_to.place.at = @3; }
  | LOG TO NAME
      { $$ = statement(scanner, @1, STATEMENT_LOG); $$->log_to.place = $3; }
  | LOG NAME TO STRING
      {
        $$ = NULL;
        if (context_word(scanner, &$2, "packets")) {
            $$ = statement(scanner, @1, STATEMENT_LOG);
            $$->log_to.packets = true;
            $$->log_to.place = $4;
            $$->log_to.place.at = @4;
        }
      }
  | HOOK hooks
      { $$ = statement(scanner, @1, STATEMENT_HOOK); $$->hooks = list_reversed($2); }
  | QUEUE NUMBER
      { $$ = statement(scanner, @1, STATEMENT_QUEUE); $$->queue.first = $$->queue.last = $2.first; $$->queue.at = @2; }
  | QUEUE NUMBERS
      { $$ = statement(scanner, @1, STATEMENT_QUEUE); $$->queue.first = $2.first; $$->queue.last = $2.last; $$->queue.at = @2; }
  | FASTPATH fastpath_mode
      { $$ = statement(scanner, @1, STATEMENT_FASTPATH); $$->fastpath.mode = $2; }
  | FASTPATH fastpath_mode NAME NUMBER
      {
        $$ = NULL;
        if (context_word(scanner, &$3, "max")) {
            $$ = statement(scanner, @1, STATEMENT_FASTPATH);
            $$->fastpath.mode = $2;
            $$->fastpath.max_given = true;
            $$->fastpath.max = $4.first;
            $$->fastpath.max_at = @4;
        }
      }
  | ON on_event NAME
      { $$ = statement(scanner, @1, STATEMENT_ON); $$->on.event = $2; $$->on.choice = $3; }
  | NO NAME NAME
      {
        $$ = NULL;
        if (context_word(scanner, &$2, "implicit")) {
            $$ = statement(scanner, @1, STATEMENT_NO_IMPLICIT);
            $$->no_implicit = $3;
        }
      }
  | TEST STRING test_address test_port TO test_address test_service test_state at_given EXPECT expect
      {
        $$ = statement(scanner, @$, STATEMENT_TEST);
        $$->test = (struct test_node){.name = $2, .src = $3, .src_port = $4, .dst = $6, .service = $7, .states = $8, .at = $9, .expect = $11};
      }
  | TEST STRING test_address test_port TO test_address test_service test_state at_given EXPECT expect THEN NAME EXPECT expect
      {
        $$ = NULL;
        if (context_word(scanner, &$13, "reply")) {
            $$ = statement(scanner, @$, STATEMENT_TEST);
            $$->test = (struct test_node){.name = $2, .src = $3, .src_port = $4, .dst = $6, .service = $7, .states = $8, .at = $9,
                                          .expect = $11, .then_reply = true, .reply = $15};
        }
      }
  | verdict source TO endpoint services states_given options
      {
        $$ = statement(scanner, @$, STATEMENT_RULE);
        $$->rule = *$7;
        $$->rule.action = $1; $$->rule.src = $2; $$->rule.dst = $4; $$->rule.services = list_reversed($5); $$->rule.states = $6;
      }
  | verdict source TO endpoint states_given options
      {
        $$ = statement(scanner, @$, STATEMENT_RULE);
        $$->rule = *$6;
        $$->rule.action = $1; $$->rule.src = $2; $$->rule.dst = $4; $$->rule.states = $5;
      }
  ;

/* `limit connections N per source M reserve P%`, the parts in any order. */
limit_parts:
    %empty                        { memset(&$$, 0, sizeof $$); }
  | limit_parts NAME PERCENT
      {
        $$ = $1;
        if (context_word(scanner, &$2, "reserve")) {
            if ($1.reserve > 0)
                scanner_error(scanner, @2, CODE_SYNTAX, "'reserve' stands twice");
            $$.reserve = $3.first;
        }
      }
  | limit_parts NAME NAME NUMBER
      {
        $$ = $1;
        if (context_word(scanner, &$2, "per") && context_word(scanner, &$3, "source")) {
            if ($1.per_source > 0)
                scanner_error(scanner, @2, CODE_SYNTAX, "'per source' stands twice");
            if ($4.first == 0)
                scanner_error(scanner, @4, CODE_RANGE, "a source may have at least 1 connection");
            $$.per_source = $4.first;
            $$.per_source_at = @4;
        }
      }
  ;

on_event:
    NAME
  | OVERLOAD
  ;

fastpath_mode:
    NAME
  | ON
  ;

/* `dynamic max N timeout D`: both may be left out. */
dynamic:
    DYNAMIC                       { memset(&$$, 0, sizeof $$); $$.dynamic = true; $$.at = @1; }
  | dynamic NAME NUMBER
      {
        $$ = $1;
        if (context_word(scanner, &$2, "max")) {
            if ($1.most_given)
                scanner_error(scanner, @2, CODE_SYNTAX, "'max' stands twice");
            $$.most_given = true;
            $$.most = $3.first;
            $$.at = @3;
        }
      }
  | dynamic TIMEOUT DURATION
      {
        $$ = $1;
        if ($1.timeout_ms > 0)
            scanner_error(scanner, @2, CODE_SYNTAX, "'timeout' stands twice");
        $$.timeout_ms = $3.ms;
      }
  ;

dns_names:
    STRING                        { $$ = NODE(struct word_node); $$->word = $1; }
  | dns_names ',' STRING          { $$ = PUT($1, NODE(struct word_node)); $$->word = $3; }
  ;

words:
    name                          { $$ = NODE(struct word_node); $$->word = $1; }
  | words ',' name                { $$ = PUT($1, NODE(struct word_node)); $$->word = $3; }
  ;

/* Zones, and the interfaces behind them. */

interface: NAME | DOTTED | STRING ;
interface_list:
    interface                     { $$ = NODE(struct word_node); $$->word = $1; }
  | interface_list ',' interface  { $$ = PUT($1, NODE(struct word_node)); $$->word = $3; }
  ;
interfaces:
    interface_list                { $$ = list_reversed($1); }
  | interface_list ','            { $$ = list_reversed($1); }
  ;
nets: members ;
dhcp_given:
    %empty                        { $$ = false; }
  | DHCP                          { $$ = true; }
  ;

/* When. */

days: NAME ;
schedule_item:
    days                          { $$ = NODE(struct schedule_node); $$->days = $1; $$->at = @1; }
  | days TIMES
      {
        $$ = NODE(struct schedule_node);
        $$->days = $1; $$->timed = true; $$->first = $2.first; $$->last = $2.last; $$->at = @2;
      }
  ;
schedule_items:
    schedule_item
  | schedule_items ',' schedule_item { $$ = PUT($1, $3); }
  ;
at_given:
    %empty                        { memset(&$$, 0, sizeof $$); }
  | AT STRING                     { $$ = $2; $$.at = @2; }
  ;
flag: NAME | FLAG_WORDS ;
flag_words:
    flag                          { $$ = NODE(struct word_node); $$->word = $1; }
  | flag_words ',' flag           { $$ = PUT($1, NODE(struct word_node)); $$->word = $3; }
  ;

chain: NAME ;
hooks:
    chain                         { $$ = NODE(struct word_node); $$->word = $1; }
  | hooks ',' chain               { $$ = PUT($1, NODE(struct word_node)); $$->word = $3; }
  ;

/* Addresses. */

members:
    member_list                   { $$ = list_reversed($1); }
  | member_list ','               { $$ = list_reversed($1); }
  ;
member_list:
    member
  | member_list ',' member        { $$ = PUT($1, $3); }
  ;
member:
    item
  | item '@' name                 { $$ = $1; $$->zone = $3; $$->zone.at = @3; $$->at = @$; }
  | '!' item                      { $$ = $2; scanner_error(scanner, @1, CODE_SYNTAX, "'!' stands before the whole source or destination, never inside of a list"); }
  ;
item:
    ANY                           { $$ = NODE(struct member_node); $$->kind = MEMBER_ANY; $$->at = @1; }
  | SELF                          { $$ = NODE(struct member_node); $$->kind = MEMBER_SELF; $$->at = @1; }
  | ADDRESS
      { $$ = NODE(struct member_node); $$->kind = MEMBER_RANGE; $$->at = @1; $$->text = $1.word.text; $$->range = $1.range; }
  | PREFIX
      { $$ = NODE(struct member_node); $$->kind = MEMBER_PREFIX; $$->at = @1; $$->text = $1.word.text; $$->base = $1.range.first; $$->bits = $1.bits; }
  | moving
  | name                          { $$ = named(scanner, @1, $1); }
  | '{' members '}'               { $$ = NODE(struct member_node); $$->kind = MEMBER_BRACES; $$->at = @1; $$->members = $2; }
  ;

moving:
    MOVING
      {
        $$ = NODE(struct member_node); $$->kind = MEMBER_MOVING; $$->at = @1;
        $$->text = $1.word.text; $$->of = $1.zone; $$->suffix = $1.suffix;
      }
  ;

endpoint:
    item                          { $$ = (struct endpoint_node){.member = $1}; }
  | item '@' name                 { $$ = (struct endpoint_node){.member = $1}; $1->zone = $3; $1->zone.at = @3; }
  | '!' item                      { $$ = (struct endpoint_node){.negated = true, .member = $2}; }
  | '!' item '@' name             { $$ = (struct endpoint_node){.negated = true, .member = $2}; $2->zone = $4; $2->zone.at = @4; }
  ;
source:
    endpoint
  | endpoint PORT ports           { $$ = $1; $$.ports = list_reversed($3); }
  | endpoint PORT '{' port_list '}' { $$ = $1; $$.ports = list_reversed($4); $$.ports_braced = true; }
  ;

/* Services. */

port:
    NUMBER   { $$ = NODE(struct port_node); $$->word = $1.word; $$->first = $1.first; $$->last = $1.last; }
  | NUMBERS  { $$ = NODE(struct port_node); $$->word = $1.word; $$->first = $1.first; $$->last = $1.last; }
  | NAME     { $$ = port_named(scanner, $1); }
  | STRING   { $$ = port_named(scanner, $1); }
  ;
ports:
    port
  | ports ',' port                { $$ = PUT($1, $3); }
  ;
port_list: ports | ports ',' ;

protocol: TCP | UDP | SCTP | ICMP | ICMP6 | GRE | ESP | AH | PROTO ;

service_part:
    protocol                      { $$ = service(scanner, @$, $1.text, NULL); }
  | protocol port                 { $$ = service(scanner, @$, $1.text, $2); }
  | protocol '{' port_list '}'    { $$ = service(scanner, @$, $1.text, list_reversed($3)); $$->braced = true; }
  | port                          { $$ = service(scanner, @$, NULL, $1); }
  ;
services:
    service_part
  | services ',' service_part     { $$ = PUT($1, $3); }
  ;

/* States and options. */

state:
    NEW          { $$ = STATE_BIT(STATE_NEW); }
  | ESTABLISHED  { $$ = STATE_BIT(STATE_ESTABLISHED); }
  | RELATED      { $$ = STATE_BIT(STATE_RELATED); }
  | INVALID      { $$ = STATE_BIT(STATE_INVALID); }
  ;
states:
    state
  | states ',' state              { $$ = $1 | $3; }
  ;
states_given:
    %empty                        { $$ = 0; }
  | states
  ;

action:
    ALLOW   { $$ = ACTION_ALLOW; }
  | DENY    { $$ = ACTION_DENY; }
  | REJECT  { $$ = ACTION_REJECT; }
  ;
verdict:
    action
  | AUDIT   { $$ = ACTION_AUDIT; }
  ;

options:
    %empty                        { $$ = NODE(struct rule_node); }
  | options AS STRING
      {
        $$ = $1;
        if ($$->name.text != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'as' stands twice in this rule");
        $$->name = $3;
      }
  | options ALG alg_words
      {
        $$ = $1;
        if ($$->alg != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'alg' stands twice in this rule");
        $$->alg = list_reversed($3);
      }
  | options PRIORITY
      {
        $$ = $1;
        if ($$->priority)
            scanner_error(scanner, @2, CODE_SYNTAX, "'priority' stands twice in this rule");
        $$->priority = true;
      }
  | options LOOSE
      {
        $$ = $1;
        if ($$->loose)
            scanner_error(scanner, @2, CODE_SYNTAX, "'loose' stands twice in this rule");
        $$->loose = true;
      }
  | options LIMIT NEW RATE per_source
      {
        $$ = $1;
        if ($$->limit.new_given)
            scanner_error(scanner, @2, CODE_SYNTAX, "'limit new' stands twice in this rule");
        $$->limit.new_given = true;
        $$->limit.new_rate = $4.rate;
        $$->limit.new_per_source = $5;
        $$->limit.at = @2;
      }
  | options LIMIT NAME NUMBER per_source
      {
        $$ = $1;
        if (context_word(scanner, &$3, "connections")) {
            if ($$->limit.connections_given)
                scanner_error(scanner, @2, CODE_SYNTAX, "'limit connections' stands twice in this rule");
            $$->limit.connections_given = true;
            $$->limit.connections = $4.first;
            $$->limit.connections_per_source = $5;
            $$->limit.at = @2;
        }
      }
  | options OVERLOAD name for_given flush_given
      {
        $$ = $1;
        if ($$->limit.overload.text != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'overload' stands twice in this rule");
        $$->limit.overload = $3;
        $$->limit.overload.at = @3;
        $$->limit.overload_ms = $4;
        $$->limit.flush = $5;
      }
  | options TIMEOUT timeouts
      {
        $$ = $1;
        if ($$->timeouts != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'timeout' stands twice in this rule");
        $$->timeouts = list_reversed($3);
      }
  | options FLAGS flag_words
      {
        $$ = $1;
        if ($$->flags != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'flags' stands twice in this rule");
        $$->flags = list_reversed($3);
      }
  | options WHEN name
      {
        $$ = $1;
        if ($$->when.text != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'when' stands twice in this rule");
        $$->when = $3;
        $$->when.at = @3;
      }
  | options MARK MARK_VALUE
      {
        $$ = $1;
        if ($$->mark.given)
            scanner_error(scanner, @2, CODE_SYNTAX, "'mark' stands twice in this rule");
        $$->mark.given = true; $$->mark.value = $3.value; $$->mark.mask = $3.mask;
      }
  | options MARK NUMBER
      {
        $$ = $1;
        if ($$->mark.given)
            scanner_error(scanner, @2, CODE_SYNTAX, "'mark' stands twice in this rule");
        $$->mark.given = true; $$->mark.value = $3.first; $$->mark.mask = UINT32_MAX;
      }
  | options EXPIRES DATE
      {
        $$ = $1;
        if ($$->expires.word.text != NULL)
            scanner_error(scanner, @2, CODE_SYNTAX, "'expires' stands twice in this rule");
        $$->expires.word = $3.word;
        $$->expires.word.at = @3;
        $$->expires.day = $3.day;
      }
  | options LOG
      {
        $$ = $1;
        if ($$->log.wanted)
            scanner_error(scanner, @2, CODE_SYNTAX, "'log' stands twice in this rule");
        $$->log = (struct log_node){.wanted = true, .at = @2};
      }
  | options LOG RATE
      {
        $$ = $1;
        if ($$->log.wanted)
            scanner_error(scanner, @2, CODE_SYNTAX, "'log' stands twice in this rule");
        $$->log = (struct log_node){.wanted = true, .rated = true, .rate = $3.rate, .at = @2};
      }
  ;
alg_words:
    name                          { $$ = NODE(struct word_node); $$->word = $1; $$->word.at = @1; }
  | alg_words name                { $$ = PUT($1, NODE(struct word_node)); $$->word = $2; $$->word.at = @2; }
  ;
per_source:
    %empty                        { $$ = false; }
  | NAME NAME                     { $$ = context_word(scanner, &$1, "per") && context_word(scanner, &$2, "source"); }
  ;
for_given:
    %empty                        { $$ = 0; }
  | FOR DURATION                  { $$ = $2.ms; }
  ;
flush_given:
    %empty                        { $$ = false; }
  | NAME                          { $$ = context_word(scanner, &$1, "flush"); }
  ;
log_given:
    %empty     { $$ = (struct log_node){.wanted = false}; }
  | LOG        { $$ = (struct log_node){.wanted = true, .at = @1}; }
  | LOG RATE   { $$ = (struct log_node){.wanted = true, .rated = true, .rate = $2.rate, .at = @1}; }
  ;

timeout_key: NAME | DOTTED | ICMP ;
timeout_item:
    timeout_key DURATION          { $$ = NODE(struct timeout_node); $$->key = $1; $$->ms = $2.ms; $$->at = @2; }
  ;
timeouts:
    timeout_item
  | timeouts ',' timeout_item     { $$ = PUT($1, $3); }
  ;

/* Tests. */

test_host:
    ADDRESS
      { $$ = NODE(struct member_node); $$->kind = MEMBER_RANGE; $$->at = @1; $$->text = $1.word.text; $$->range = $1.range; }
  | moving
  ;
test_address:
    test_host
  | test_host '@' name            { $$ = $1; $$->zone = $3; }
  | SELF                          { $$ = NODE(struct member_node); $$->kind = MEMBER_SELF; $$->at = @1; }
  ;
test_port:
    %empty                        { $$ = NULL; }
  | PORT port                     { $$ = $2; }
  ;
test_service:
    protocol                      { $$ = service(scanner, @$, $1.text, NULL); }
  | protocol port                 { $$ = service(scanner, @$, $1.text, $2); }
  ;
test_state:
    %empty                        { $$ = 0; }
  | state
  ;
expect:
    action                        { $$ = (struct expect_node){.action = $1}; }
  | action BY STRING              { $$ = (struct expect_node){.action = $1, .by = $3}; }
  | action BY DEFAULT             { $$ = (struct expect_node){.action = $1, .by_default = true}; }
  ;

%%

static void spid_yyerror(const struct location *at, void *lexer, struct scanner *scanner, const char *message)
{
    (void)lexer;
    scanner_error(scanner, *at, CODE_SYNTAX, "%s", message);
}

static struct statement *statement(struct scanner *scanner, struct location at, int kind)
{
    struct statement *node = NODE(struct statement);
    node->at = at;
    node->kind = kind;
    return node;
}

static struct member_node *named(struct scanner *scanner, struct location at, struct word word)
{
    struct member_node *node = NODE(struct member_node);
    node->kind = MEMBER_NAME;
    node->at = at;
    node->text = word.text;
    node->quoted = word.quoted;
    return node;
}

static struct port_node *port_named(struct scanner *scanner, struct word word)
{
    struct port_node *node = NODE(struct port_node);
    node->word = word;
    node->named = true;
    return node;
}

static struct service_node *service(struct scanner *scanner, struct location at, const char *protocol,
                                    struct port_node *ports)
{
    struct service_node *node = NODE(struct service_node);
    node->at = at;
    node->protocol = protocol;
    node->ports = ports;
    return node;
}

/* A word that has a meaning only in its place: says so when it is another. */
static bool context_word(struct scanner *scanner, const struct word *word, const char *wanted)
{
    if (!word->quoted && strcmp(word->text, wanted) == 0)
        return true;
    struct suggestion suggestion = suggestion_for(word->text);
    suggestion_offer(&suggestion, wanted);
    if (suggestion.best != NULL)
        scanner_error(scanner, word->at, CODE_SYNTAX, "unexpected '%s' (did you mean '%s'?)", word->text, wanted);
    else
        scanner_error(scanner, word->at, CODE_SYNTAX, "unexpected '%s', expected '%s'", word->text, wanted);
    return false;
}

void *list_reversed(void *list)
{
    struct word_node *reversed = NULL;
    for (struct word_node *node = list, *next; node != NULL; node = next) {
        next = node->next;
        node->next = reversed;
        reversed = node;
    }
    return reversed;
}

/* The most words that an "expected" list shows; a longer one tells nobody anything. */
#define EXPECTED_MAX 9

static const char *shown(yysymbol_kind_t symbol)
{
    return yysymbol_name(symbol);
}

/* "new, established, related or invalid" */
static void list_expected(char *text, size_t size, const yysymbol_kind_t *symbols, int count)
{
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const char *before = i == 0 ? "" : i == count - 1 ? " or " : ", ";
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", before, shown(symbols[i]));
    }
}

static bool is_state(yysymbol_kind_t symbol)
{
    return symbol == YYSYMBOL_NEW || symbol == YYSYMBOL_ESTABLISHED || symbol == YYSYMBOL_RELATED ||
           symbol == YYSYMBOL_INVALID;
}

/* The keyword that stands at this place and is nearest to what was written; its alias's quotes are left out. */
static const char *nearest(const char *written, const yysymbol_kind_t *symbols, int count, char *buffer, size_t size)
{
    struct suggestion suggestion = suggestion_for(written);
    static const char *const options[] = {"as", "log", "established", "related", "new", "invalid", "loose", "limit", "overload",
                                          "timeout", "alg", "priority", "when", "mark", "flags", "expires"};
    char words[64][24];
    int used = 0;
    for (int i = 0; i < count && used < 64; i++) {
        const char *name = shown(symbols[i]);
        if (name[0] != '\'' || name[2] == '\'')
            continue;
        snprintf(words[used], sizeof words[used], "%.*s", (int)strlen(name) - 2, name + 1);
        suggestion_offer(&suggestion, words[used++]);
    }
    for (size_t i = 0; count > 0 && i < sizeof options / sizeof options[0]; i++)
        for (int k = 0; k < count; k++)
            if (symbols[k] == YYSYMBOL_AS)
                suggestion_offer(&suggestion, options[i]);
    if (suggestion.best == NULL)
        return NULL;
    if (strcmp(suggestion.best, written) == 0)
        snprintf(buffer, size, " (states stand before the options, and each once)");
    else
        snprintf(buffer, size, " (did you mean '%s'?)", suggestion.best);
    return buffer;
}

/* What is written AT. */
static void copy_written(const struct location *at, char *written, size_t size)
{
    const char *c = at->line_text;
    for (unsigned column = 1; column < at->column && *c != '\0'; column++)
        do
            c++;
        while (((unsigned char)*c & 0xc0) == 0x80);
    snprintf(written, size, "%.*s", (int)(at->width < 150 ? at->width : 150), c);
}

static bool holds(const yysymbol_kind_t *symbols, int count, yysymbol_kind_t wanted)
{
    for (int i = 0; i < count; i++)
        if (symbols[i] == wanted)
            return true;
    return false;
}

static bool is_keyword(yysymbol_kind_t symbol)
{
    return symbol == YYSYMBOL_RESERVED || (shown(symbol)[0] == '\'' && shown(symbol)[2] != '\'');
}

/*
 * A reserved word where a name stands: said at the first place, which is where the name is defined, as a rule. The others
 * have the same mend.
 */
static bool report_misnamed(struct scanner *scanner, struct location at, const char *written, const yysymbol_kind_t *expected,
                            int count)
{
    for (const struct word_node *node = scanner->misnamed; node != NULL; node = node->next)
        if (strcmp(node->word.text, written) == 0 && holds(expected, count, YYSYMBOL_NAME))
            return true;
    if (count != 2 || !holds(expected, count, YYSYMBOL_NAME) || !holds(expected, count, YYSYMBOL_STRING))
        return false;
    struct word_node *node = NODE(struct word_node);
    node->word.text = arena_text(scanner->arena, written, strlen(written));
    scanner->misnamed = PUT(scanner->misnamed, node);
    scanner_error(scanner, at, CODE_SYNTAX, "'%s' is reserved; write \"%s\" (in quotes) wherever it is a name", written, written);
    return true;
}

/* What languages of other firewalls have and this one has not: reserved words where a service stands; `from`. */
static bool report_foreign(struct scanner *scanner, struct location at, const char *written, const yysymbol_kind_t *expected,
                           int count)
{
    static const char *const services[][2] = {{"port", "a port stands behind its protocol, such as tcp 80 or udp 80"},
                                              {"dns", "DNS is the service udp 53, tcp 53"}};
    static const char from[] = "from ";
    char word[sizeof from];
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(written, services[i][0]) == 0 && holds(expected, count, YYSYMBOL_TCP)) {
            scanner_error(scanner, at, CODE_SYNTAX, "unexpected '%s': %s", written, services[i][1]);
            return true;
        }
    /* The name of a set, until a second word follows it. */
    if (at.column < sizeof from || !holds(expected, count, YYSYMBOL_TO))
        return false;
    at.column -= sizeof from - 1;
    at.width = sizeof from - 1;
    copy_written(&at, word, sizeof word);
    if (strcmp(word, from) != 0)
        return false;
    at.width--;
    scanner_error(scanner, at, CODE_SYNTAX, "rules have no 'from': the source stands behind the action, as in allow lan to wan");
    return true;
}

/* FOUND, WRITTEN so, stands where COUNT others could. */
static void report_unexpected(struct scanner *scanner, const struct location *at, yysymbol_kind_t found, const char *written,
                              const yysymbol_kind_t *expected, int count)
{
    char list[400], hint[80];
    bool states = count > 0;
    for (int i = 0; i < count; i++)
        states &= is_state(expected[i]);
    if (is_keyword(found) && report_misnamed(scanner, *at, written, expected, count))
        return;
    if (report_foreign(scanner, *at, written, expected, count))
        return;
    list_expected(list, sizeof list, expected, count);
    const char *suggested = nearest(written, expected, count, hint, sizeof hint);
    /* `allow to any` lacks its source, and no name is meant. */
    bool name = is_keyword(found) && found != YYSYMBOL_TO && holds(expected, count, YYSYMBOL_ADDRESS);
    bool string = found == YYSYMBOL_NAME && holds(expected, count, YYSYMBOL_STRING) && !holds(expected, count, YYSYMBOL_NAME);
    const char *quotes = name     ? " (a name that is a reserved word stands in double quotes)"
                         : string ? " (strings stand in double quotes)"
                                  : "";
    if (states)
        scanner_error(scanner, *at, CODE_SYNTAX, "unknown state '%s', expected new, established, related or invalid%s",
                      written, suggested ? suggested : "");
    else if (suggested != NULL)
        scanner_error(scanner, *at, CODE_SYNTAX, "unexpected '%s'%s", written, suggested);
    else if (found == YYSYMBOL_DNS || found == YYSYMBOL_DYNAMIC || found == YYSYMBOL_FILE)
        scanner_error(scanner, *at, CODE_SYNTAX, "'%s' stands alone, right behind the '=' of a set; other sets name that set", written);
    else if (found == YYSYMBOL_RESERVED && strcmp(written, "prefix") == 0)
        scanner_error(scanner, *at, CODE_SYNTAX, "a moving prefix is one word without blanks, such as prefix(lan)::9");
    else if (found == YYSYMBOL_RESERVED)
        scanner_error(scanner, *at, CODE_SYNTAX, "unexpected '%s', a reserved word (a name that is one stands in double quotes)", written);
    else if (count > 0 && count <= EXPECTED_MAX)
        scanner_error(scanner, *at, CODE_SYNTAX, "unexpected '%s', expected %s%s", written, list, quotes);
    else
        scanner_error(scanner, *at, CODE_SYNTAX, "unexpected '%s'%s", written, quotes);
}

static int yyreport_syntax_error(const yypcontext_t *context, void *lexer, struct scanner *scanner)
{
    yysymbol_kind_t expected[YYNTOKENS];
    yysymbol_kind_t found = yypcontext_token(context);
    const struct location *at = yypcontext_location(context);
    char text[400];
    (void)lexer;
    /* What led to this has been reported where it stands. */
    if (found == YYSYMBOL_ABANDONED)
        return 0;
    /* Nobody sees it any more: it is counted, and no time is spent on its words. */
    if (scanner->diagnostics->count == DIAGNOSTICS_MAX) {
        scanner_error(scanner, *at, CODE_SYNTAX, "not understood");
        return 0;
    }
    int count = yypcontext_expected_tokens(context, expected, YYNTOKENS), kept = 0;
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++)
        if (expected[i] != YYSYMBOL_ABANDONED && expected[i] != YYSYMBOL_RESERVED)
            expected[kept++] = expected[i];
    if (found != YYSYMBOL_NEWLINE && found != YYSYMBOL_YYEOF) {
        copy_written(at, text, sizeof text);
        report_unexpected(scanner, at, found, text, expected, kept);
    } else if (kept > 0 && kept <= EXPECTED_MAX) {
        list_expected(text, sizeof text, expected, kept);
        scanner_error(scanner, *at, CODE_SYNTAX, "the statement ends too early, expected %s", text);
    } else {
        scanner_error(scanner, *at, CODE_SYNTAX, "the statement ends too early");
    }
    return 0;
}
