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
	name := strconv.FormatUint(uint64(number), 10)
	if i, err := net.InterfaceByIndex(int(number)); err == nil {
		name = i.Name
	}
	z.last.Store(&zone{number, name, time.Now().Add(zoneFor)})
	return name
}

// number is that of an interface, or 0.
func (z *zones) number(name string) uint32 {
	if name == "" {
		return 0
	}
	if l := z.last.Load(); l != nil && l.name == name && time.Now().Before(l.until) {
		return l.number
	}
	number := uint32(0)
	if i, err := net.InterfaceByName(name); err == nil {
		number = uint32(i.Index)
	} else if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		number = uint32(n)
	}
	z.last.Store(&zone{number, name, time.Now().Add(zoneFor)})
	return number
}
