" The rules of spid: spid.rules(5). `make check` holds the words against the lexer's.
if exists('b:current_syntax')
  finish
endif

syntax case match
" A hyphen belongs to a name, and a point to the key of a timeout.
syntax iskeyword @,48-57,_,-,.

" The reserved words.
syntax keyword spidAction allow deny reject audit
syntax keyword spidStatement include zone set service schedule timeout limit adaptive antispoof protect default hook queue fastpath on log no test
syntax keyword spidOption as alg loose overload for flags when mark expires priority
syntax keyword spidState new established related invalid
syntax keyword spidProtocol tcp udp sctp icmp icmp6 gre esp ah proto
syntax keyword spidWord any self to port net file dynamic dns expect by then
" A keyword would hide the address that begins with it.
syntax match spidWord /\<prefix\>/
syntax keyword spidToCome dlp in inspect signatures where

" Words that mean something in their place only; days and flags below.
syntax keyword spidContext connections half-open per source reserve start end max flush implicit nd dhcp reply at strict media packets syslog journal
syntax keyword spidContext daemon-down inspect-error forward input output ftp h323 irc pptp rtsp sip tftp
syntax keyword spidContext tcp.syn-sent tcp.syn-received tcp.established tcp.fin-wait tcp.close-wait tcp.last-ack tcp.time-wait
syntax keyword spidContext tcp.closed tcp.unacknowledged udp.new udp.replied sctp.established other expectation orphan

" Values are whole words: nothing that may stand in a word touches them.
function s:Value(group, pattern)
  let l:inside = '[[:alnum:]_:./+%-]'
  execute "syntax match" a:group "'\\v" . l:inside . '@1<!%(' . a:pattern . ')' . l:inside . "@!'"
endfunction
let s:day = '%(mon|tue|wed|thu|fri|sat|sun)'
call s:Value('spidContext', s:day . '%(-' . s:day . ')?')
let s:flags = '%(fin|syn|rst|psh|ack|urg|ece|cwr)'
let s:flags = '%(none|' . s:flags . '%(,' . s:flags . ')*)'
call s:Value('spidContext', '%(<flags\s+)@<=' . s:flags . '%(/' . s:flags . ')?')
" Numbers with what makes ranges, shares, durations and rates of them; marks; dates; times of the day.
call s:Value('spidNumber', '\d+%(-\d+|\%|/\d*%(ms|[smhd])|ms|[smhd])?')
call s:Value('spidNumber', '%(0x\x+|\d+)/%(0x\x+|\d+)|0x\x+')
call s:Value('spidNumber', '\d{4}-\d\d-\d\d')
let s:time = '\d\d:\d\d%(:\d\d)?'
call s:Value('spidNumber', s:time . '-' . s:time)
" Addresses, their ranges, prefixes; prefix(zone)::suffix is one word.
let s:ipv4 = '\d{1,3}%(\.\d{1,3}){3}'
let s:groups = '\x{1,4}%(:\x{1,4}){,7}'
let s:ipv6 = '%(%(\x{1,4}:){7}\x{1,4}|%(' . s:groups . ')?::%(' . s:groups . ')?)'
for s:ip in [s:ipv4, s:ipv6]
  call s:Value('spidAddress', s:ip . '%(/\d+|-' . s:ip . ')?')
endfor
call s:Value('spidAddress', 'prefix\(%("[^"]*"|[^")]*)\)' . s:ipv6)

syntax match spidMark /[!@={},]/
syntax match spidContinued /\\\s*$/
syntax keyword spidTodo TODO FIXME XXX contained
syntax region spidString start=/"/ end=/"/ oneline
syntax match spidComment /#.*$/ contains=spidTodo,@Spell

highlight default link spidAction Statement
highlight default link spidStatement Keyword
highlight default link spidOption Special
highlight default link spidState Type
highlight default link spidProtocol Type
highlight default link spidWord Operator
highlight default link spidToCome Error
highlight default link spidContext Identifier
highlight default link spidNumber Number
highlight default link spidAddress Constant
highlight default link spidMark Delimiter
highlight default link spidString String
highlight default link spidContinued Special
highlight default link spidTodo Todo
highlight default link spidComment Comment

delfunction s:Value
let b:current_syntax = 'spid'
