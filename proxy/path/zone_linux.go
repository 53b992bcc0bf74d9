package path

import (
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

const zoneFor = time.Minute // an interface may get another name, or number

// zones are the names and numbers of interfaces, of which link-local addresses tell. To
// ask the kernel takes long, and it is the same one again and again.
type zones struct{ last atomic.Pointer[zone] }

type zone struct {
	number uint32
	name   string
	until  time.Time
}

// name is that of an interface, or the number where there is no such one.
func (z *zones) name(number uint32) string {
	if number == 0 {
		return ""
	}
	if l := z.last.Load(); l != nil && l.number == number && time.Now().Before(l.until) {
		return l.name
	}
	i, err := net.InterfaceByIndex(int(number))
	if err != nil {
		return strconv.FormatUint(uint64(number), 10)
	}
	z.last.Store(&zone{number, i.Name, time.Now().Add(zoneFor)})
	return i.Name
}

// number is that of an interface, or 0.
func (z *zones) number(name string) uint32 {
	if name == "" {
		return 0
	}
	if l := z.last.Load(); l != nil && l.name == name && time.Now().Before(l.until) {
		return l.number
	}
	i, err := net.InterfaceByName(name)
	if err != nil { // it may be there in a moment, and is not remembered
		if n, err := strconv.ParseUint(name, 10, 32); err == nil {
			return uint32(n)
		}
		return 0
	}
	z.last.Store(&zone{uint32(i.Index), name, time.Now().Add(zoneFor)})
	return uint32(i.Index)
}
