package auth

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Pageant, PuTTY's agent, and those that do as it does, get a message by a
// window: its bytes stand in a shared piece of memory, where the answer is put.
const (
	pageantName   = "Pageant"  // of the window, and of its class
	pageantID     = 0x804e50ba // what kind of message it is
	pageantMemory = 256 << 10  // bytes; older ones use the first 8 KiB
	wmCopyData    = 0x4a       // WM_COPYDATA
	noFile        = ^windows.Handle(0)
)

var (
	user32      = windows.NewLazySystemDLL("user32.dll")
	findWindow  = user32.NewProc("FindWindowW")
	sendMessage = user32.NewProc("SendMessageW")
)

// errNoPageant says that none runs.
var errNoPageant = errors.New("no Pageant")

// pageant is the window of one that runs.
func pageant() (window uintptr, err error) {
	if user32.Load() != nil || findWindow.Find() != nil || sendMessage.Find() != nil {
		return 0, errNoPageant
	}
	name, err := windows.UTF16PtrFromString(pageantName)
	if err != nil {
		return 0, err
	}
	if window, _, _ = findWindow.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(name))); window == 0 {
		return 0, errNoPageant
	}
	return window, nil
}

// dialPageant returns a connection to Pageant.
func dialPageant() (net.Conn, error) {
	window, err := pageant()
	if err != nil {
		return nil, err
	}
	ours, its := net.Pipe()
	go carry(its, func(message []byte) ([]byte, error) { return askPageant(window, message) })
	return ours, nil
}

// carry gives each message of conn to ask, and its answer back, until either ends.
func carry(conn net.Conn, ask func([]byte) ([]byte, error)) {
	defer conn.Close()
	for {
		message := make([]byte, 4)
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(message)
		if n > pageantMemory-4 {
			return
		}
		message = append(message, make([]byte, n)...)
		if _, err := io.ReadFull(conn, message[4:]); err != nil {
			return
		}
		answer, err := ask(message)
		if err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// askPageant returns the answer to one message.
func askPageant(window uintptr, message []byte) ([]byte, error) {
	// Only this user may open the memory, and Pageant answers nobody else: it
	// looks at whose it is.
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	sid := user.User.Sid.String()
	sd, err := windows.SecurityDescriptorFromString(fmt.Sprintf("O:%sD:P(A;;GA;;;%s)", sid, sid))
	if err != nil {
		return nil, err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	name := "tssh" + rand.Text()
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	memory, err := windows.CreateFileMapping(noFile, attributes, windows.PAGE_READWRITE, 0, pageantMemory, wide)
	if memory != 0 {
		defer windows.CloseHandle(memory)
	}
	if err != nil { // also when there is one of that name, which would be another's
		return nil, fmt.Errorf("share memory with Pageant: %w", err)
	}
	at, err := windows.MapViewOfFile(memory, windows.FILE_MAP_WRITE, 0, 0, pageantMemory)
	if err != nil {
		return nil, fmt.Errorf("share memory with Pageant: %w", err)
	}
	defer windows.UnmapViewOfFile(at)
	shared := unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), pageantMemory)
	copy(shared, message)

	narrow := append([]byte(name), 0)
	what := struct {
		id   uintptr
		size uint32
		data *byte
	}{pageantID, uint32(len(narrow)), &narrow[0]}
	// It may ask its user first, so this takes as long as it takes.
	if ok, _, _ := sendMessage.Call(window, wmCopyData, 0, uintptr(unsafe.Pointer(&what))); ok == 0 {
		return nil, errors.New("Pageant refused the message")
	}
	n := binary.BigEndian.Uint32(shared)
	if n > pageantMemory-4 {
		return nil, errors.New("Pageant gave no answer")
	}
	return append([]byte(nil), shared[:4+n]...), nil
}
