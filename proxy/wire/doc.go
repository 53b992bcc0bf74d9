// Package wire is every byte that tssh and tsshd exchange below the transport
// (QUIC or KCP): the knocks of a path, and the frames that carry datagrams over a
// stream. What the two agree on before is in package terms. This comment is the
// specification; numbers are big-endian.
//
// # Datagrams
//
// The first byte tells whose a datagram is. Bit 0x40 is set in every datagram
// of the transport: it is QUIC's fixed bit, and one byte 0x40 is put before
// each datagram of KCP's. It is clear in the packets of the path layer, of which
// there are two, of one size, so that an answer is never larger than its
// question:
//
//	        0         1           9                            37        53
//	        +---------+-----------+----------------------------+---------+
//	knock   | 0x01    | sequence  | sealed body, 28 bytes      | tag     |   client to server
//	ack     | 0x02    | sequence  | sealed body, 28 bytes      | tag     |   server to client
//	        +---------+-----------+----------------------------+---------+
//
// They are sealed by AES-256-GCM. The nonce is four zero bytes and the
// sequence; the first nine bytes are authenticated too. Each direction has a
// key of its own and counts its sequence from 1, never reusing a number, so no
// nonce repeats, and no packet can be turned back on who sent it. The bodies:
//
//	        0           8            12     13      14     15     16       20        28
//	        +-----------+------------+------+-------+------+------+--------+---------+
//	knock   | client ID | generation | path | flags | loss |   0  | rtt    | answer  |
//	        +-----------+------------+------+-------+------+------+--------+---------+
//	        0           8                    16                 24      25           28
//	        +-----------+--------------------+------------------+-------+------------+
//	ack     | server ID | sequence of knock  | challenge        | flags |     0      |
//	        +-----------+--------------------+------------------+-------+------------+
//
// generation counts the outages that the client lived through. path is 1 for UDP,
// 2 for TCP, 3 for a channel of the ssh login. Flag 1 of a knock is Claim, flag 1
// of an ack is Fresh (see Knock and Ack). loss is the share of packets that the
// path loses, in 255ths; rtt the round trip in microseconds, 0 when unknown.
// answer repeats the challenge of an ack; 0 is none. Bytes drawn as 0 are sent as 0
// and not looked at.
//
// # Bulk
//
// When the offer says bulk:yes and the greeting "bulk":true, the client may make a
// second connection of QUIC's. Each of its datagrams travels over UDP with numbers, so
// that the proxies send again what the path loses before QUIC misses it. Bit 0x40 is
// clear in these packets too:
//
//	          0         1                7          13                          12 bytes
//	          +---------+----------------+----------+---------------------------+-----+
//	numbered  | 0x10    | transmission   | order    | datagram                  | tag |
//	          +---------+----------------+----------+---------------------------+-----+
//	          0         1           9
//	          +---------+-----------+-------------------------------------------+-----+
//	report    | 0x11    | number    | sealed body                               | tag |
//	          +---------+-----------+-------------------------------------------+-----+
//	bare      | 0x12    | datagram, where nobody repairs: TCP, SSH, or UDP that loses all of the others
//	          +---------+-------------------------------------------------------------+
//
// transmission is new each time that a datagram is sent, so that no round trip and
// no loss is taken for another's; order is the datagram's place among all, and
// stays. An order that is 2^20 or more beyond the last one says that all older
// ones were given up. The tag is AES-256-GCM's, cut to 12 bytes, over everything
// before it: the datagram is sealed by QUIC already. The nonce is the type, three
// zero bytes and transmission or number, and each direction has a key of its own.
// A body is uvarints: flags, of which 1 says that who reports sends without numbers
// for a while, as its packets do not pass with them; the bytes received in all; when the last transmission came,
// in microseconds of the receiver's clock; the microseconds since; its number; then
// spans of received transmissions, the newest first, at most 100: the last number
// of the first one, for each further one how far its last number is below the
// first one of the span before, and for each how far its first number is below its
// last. Reports are not repeated and not answered.
//
// # Large datagrams
//
// When the offer says halves:yes and the greeting "halves":true, a datagram of more than
// 1,200 bytes, of the transport's or of bulk's, may go over UDP in two packets of one
// size. Bit 0x40 is clear in these, too:
//
//	          0         1         7       8                                      12 bytes
//	          +---------+---------+-------+-------------------------------------+-----+
//	half      | 0x13    | number  | flags | half of a datagram                  | tag |
//	          +---------+---------+-------+-------------------------------------+-----+
//	          0         1         7
//	          +---------+---------+---------------------------------------------+-----+
//	probe     | 0x14    | number  | 0, as many as are asked for                 | tag |
//	passed    | 0x15    | number  |                                             | tag |
//	          +---------+---------+---------------------------------------------+-----+
//
// Halves with the numbers 2n and 2n+1, n from 1 on, are the first and the second one of a
// datagram. Flag 1 says that the second begins with the byte with which the first ends. A
// probe asks whether packets of its size pass: of the transport's where its number is
// even, of bulk's where that is odd. passed answers it, with its number, when that is
// above those of all probes of its kind before, and nothing else is answered. Tags are as
// those of "Bulk", with keys of their own.
//
// # Streams
//
// Over a stream (TCP, or a channel of ssh) each datagram, a knock as well as
// one of the transport's, goes as
//
//	+-----------------+----------+
//	| length, 2 bytes | datagram |     1 <= length <= MaxDatagram
//	+-----------------+----------+
//
// The first frame of a client is a knock. The server says nothing before it got a
// valid one; then its first bytes are the preface, 16 bytes that only who has the
// secret knows, and frames follow. The client skips what comes before the
// preface: a login shell's rc files may print there.
//
// # Keys
//
// All keys are HKDF-SHA256 of the greeting's secret, without salt, told apart
// by their info: "tssh knock", "tssh ack" (32 bytes), "tssh client", "tssh server"
// (the IDs, 8 bytes), "tssh preface" (16 bytes), "tssh repair to server",
// "tssh repair to client", "tssh large to server" and "tssh large to client" (32 bytes).
package wire
