package auth

import (
	"crypto/ed25519"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/windows"
)

// fakePageant is a window that answers as Pageant does, from a keyring. It is
// gone with the test.
func fakePageant(t *testing.T, keys agent.Agent) {
	t.Helper()
	var (
		openFileMapping = windows.NewLazySystemDLL("kernel32.dll").NewProc("OpenFileMappingA")
		registerClass   = user32.NewProc("RegisterClassExW")
		createWindow    = user32.NewProc("CreateWindowExW")
		defWindowProc   = user32.NewProc("DefWindowProcW")
		getMessage      = user32.NewProc("GetMessageW")
		dispatchMessage = user32.NewProc("DispatchMessageW")
		postThread      = user32.NewProc("PostThreadMessageW")
	)
	ours, its := net.Pipe()
	go agent.ServeAgent(keys, its)
	t.Cleanup(func() { ours.Close() })
	answer := func(data uintptr) uintptr {
		what := *(**struct {
			id   uintptr
			size uint32
			name uintptr
		})(unsafe.Pointer(&data))
		if what.id != pageantID {
			return 0
		}
		memory, _, _ := openFileMapping.Call(windows.FILE_MAP_WRITE, 0, what.name)
		if memory == 0 {
			return 0
		}
		defer windows.CloseHandle(windows.Handle(memory))
		at, err := windows.MapViewOfFile(windows.Handle(memory), windows.FILE_MAP_WRITE, 0, 0, 0)
		if err != nil {
			return 0
		}
		defer windows.UnmapViewOfFile(at)
		shared := unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), pageantMemory)
		ours.Write(append([]byte(nil), shared[:4+binary.BigEndian.Uint32(shared)]...))
		if _, err := io.ReadFull(ours, shared[:4]); err != nil {
			return 0
		}
		if _, err := io.ReadFull(ours, shared[4:4+binary.BigEndian.Uint32(shared)]); err != nil {
			return 0
		}
		return 1
	}
	thread := make(chan uint32)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // for good: the window goes with the thread
		name, _ := windows.UTF16PtrFromString(pageantName)
		class := struct {
			size, style          uint32
			proc                 uintptr
			classExtra, winExtra int32
			instance, icon       uintptr
			cursor, background   uintptr
			menu, name           *uint16
			smallIcon            uintptr
		}{proc: windows.NewCallback(func(window, message, w, l uintptr) uintptr {
			if message == wmCopyData {
				return answer(l)
			}
			r, _, _ := defWindowProc.Call(window, message, w, l)
			return r
		}), name: name}
		class.size = uint32(unsafe.Sizeof(class))
		registerClass.Call(uintptr(unsafe.Pointer(&class)))
		window, _, err := createWindow.Call(0, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(name)), 0, 0, 0, 0, 0, 0, 0, 0, 0)
		if window == 0 {
			t.Logf("no window: %v", err)
			thread <- 0
			return
		}
		thread <- windows.GetCurrentThreadId()
		var m [64]byte
		for {
			if more, _, _ := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0); int32(more) <= 0 {
				return
			}
			dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
		}
	}()
	id := <-thread
	if id == 0 {
		t.Skip("SKIPPED, not tested at all: no window can be made here (wine without a display?)")
	}
	t.Cleanup(func() {
		const quit = 0x12
		postThread.Call(uintptr(id), quit, 0, 0)
		<-ended
	})
}

// TestPageant: where Windows' own agent doesn't run, PuTTY's signs.
func TestPageant(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private, Comment: "of PuTTY"}); err != nil {
		t.Fatal(err)
	}
	fakePageant(t, ring)
	conn, err := DialAgent(systemAgent(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a := agent.NewClient(conn)
	for range 2 {
		keys, err := a.List()
		if err != nil || len(keys) != 1 || keys[0].Comment != "of PuTTY" {
			t.Fatalf("%v, %v", keys, err)
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := a.Sign(key, []byte("data"))
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Verify([]byte("data"), signature); err != nil {
			t.Error(err)
		}
	}
}

// TestNoPageant has no agent at all.
func TestNoPageant(t *testing.T) {
	if conn, err := DialAgent(systemAgent("")); err == nil {
		conn.Close()
		t.Skip("SKIPPED, not tested at all: a Pageant runs here")
	}
}
