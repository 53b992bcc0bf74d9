package peer

// struct unpcbid of NetBSD's unix(4) is pid, effective uid and gid.
const (
	peerLevel  = 0 // SOL_LOCAL
	peerOption = 3 // LOCAL_PEEREID
	peerUIDAt  = 4
)
