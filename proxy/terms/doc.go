// Package terms is what tssh and tsshd agree on before and beside the bytes of
// package terms: the offer and the greeting of a login, by which a session begins,
// how sessions are told of, and how tsshd is called and ends. This comment is the
// specification.
//
// # Offer
//
// The public half, one word on tsshd's command line, which ps shows to anyone.
// It holds nothing that a shell would change, and starts with Version:
//
//	1/transport:quic/ports:61001-61999/pin:<43 base64url>/alive:24h0m0s/heartbeat:3s/mtu:0/proxy:auto/keys:<43 base64url>
//
// Fields may come in any order; those with an unknown name are skipped. keys are
// at most four, with commas between: the SHA-256 of each public key that the user
// logged in by. For a certificate it is that of its authority's key, then
// ".<letters>.<base64url>": what the certificate permits (p a pty, f forwards of
// ports, a of the agent, x of X11, r ~/.ssh/rc; others are skipped), and its
// principals with zero bytes between.
//
// More fields say that something else than a new session is wanted:
// ask (list, attach, join or end, see Ask), name (base64url of the name of a
// session), and tell:yes, that the greeting is to name the sessions that wait. inside
// is the value of TSSH_SESSION where the client runs, which is the session around it.
//
// bulk:yes asks for the connection of "Bulk" in package terms. An older tsshd skips it, and
// its greeting then does not agree.
// halves:yes, likewise, says that the client joins datagrams that come in halves ("Large
// datagrams" there).
//
// # Greeting
//
// The secret half, one line on the ssh channel, which may carry the noise of
// the login's rc files before and after:
//
//	{tsshd:<version>:<base64url of a JSON object>:tsshd}
//
// The version stands outside, so that a greeting of another version is told
// from a broken one. A greeting with an answer in it holds no keys: nothing was
// started, and tsshd has ended.
//
// # Hello
//
// QUIC's first words need no path: the client's go with the offer, the server's
// with the greeting (its hello), each as frames of "Streams" there one after the other, at
// most MaxHello bytes in all. They are what anybody on a path would see. The client's
// is base64url in tsshd's environment, as HelloVariable: an offer of that length
// older ones refuse. A greeting without a hello says that it was not heard, and the
// client begins anew on the paths, as it does when the greeting took so long that
// QUIC would take the time for that of a round trip.
//
// # Sessions
//
// On a channel of type session these requests belong to sessions that outlive
// their client:
//
//	attach@tssh   client, in the place of shell: uint32 terminal (see roster; 0: the first)
//	detach@tssh   client, without payload: the end of this channel leaves the program running
//	taken@tssh    server: string who; another client has the program now, and exit-status 0 follows
//
// And global requests: leave@tssh of the client's, that the end of the connection
// leaves all programs on terminals running; told@tssh of the server's, with a string,
// why it is about to end the connection.
package terms
