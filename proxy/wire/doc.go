// Package wire is every byte that tssh and tsshd exchange below the transport
// (QUIC or KCP): the offer and the greeting of a login, the knocks of a path,
// and the frames that carry datagrams over a stream. This comment is the
// specification; numbers are big-endian.
//
// # Offer
//
// The public half, one word on tsshd's command line, which ps shows to anyone.
// It holds nothing that a shell would change, and starts with Version:
//
//	1/transport:quic/ports:61001-61999/pin:<43 base64url>/alive:24h0m0s/heartbeat:3s/mtu:0/proxy:auto
//
// Fields may come in any order; those with an unknown name are skipped.
//
// # Greeting
//
// The secret half, one line on the ssh channel, which may carry the noise of
// the login's rc files before and after:
//
//	{tsshd:<version>:<base64url of a JSON object>:tsshd}
//
// The version stands outside, so that a greeting of another version is told
// from a broken one.
package wire
