package peer

// struct xucred of DragonFly's unix(4) begins with a version and the effective uid.
const (
	peerLevel  = 0 // SOL_LOCAL
	peerOption = 1 // LOCAL_PEERCRED
	peerUIDAt  = 4
)
