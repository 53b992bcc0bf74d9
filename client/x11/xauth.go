package x11

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// slack is how much longer than ForwardX11Timeout a cookie made for it lives,
// so that it is the timeout that ends it.
const slack = time.Minute

var errNoCookie = errors.New("Warning: untrusted X11 forwarding setup failed: xauth key data not generated")

// xauth is the cookie for the display. With trust it is the user's own, nil
// when there is none. Without, one is generated, for which X permits less.
func (d *Display) xauth(ctx context.Context) ([]byte, error) {
	program := d.host.XAuthLocation
	if program == "" {
		program = "xauth"
	}
	if d.host.ForwardX11Trusted {
		out, err := exec.CommandContext(ctx, program, "list", d.displayName()).Output()
		if err != nil {
			d.log.Debugf("xauth list: %v", err)
		}
		return cookie(string(out)), nil
	}
	dir, err := os.MkdirTemp("", "ssh-") // for this user alone
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "xauthfile")
	args := []string{"-f", file, "generate", d.displayName(), protocol, "untrusted"}
	if t := d.host.ForwardX11Timeout; t > 0 {
		args = append(args, "timeout", seconds(t+slack))
	}
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		d.log.Debugf("xauth generate: %v: %s", err, out)
	}
	out, err := exec.CommandContext(ctx, program, "-f", file, "list", d.displayName()).Output()
	if err != nil {
		d.log.Debugf("xauth list: %v", err)
	}
	if c := cookie(string(out)); c != nil {
		return c, nil
	}
	return nil, errNoCookie
}

// displayName is the display as xauth files it: its own as unix:0.
func (d *Display) displayName() string {
	if number, ok := strings.CutPrefix(d.name, "localhost:"); ok {
		return "unix:" + number
	}
	return d.name
}

// cookie is the first of protocol's in what "xauth list" printed.
func cookie(list string) []byte {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) == 3 && f[1] == protocol {
			if c, err := hex.DecodeString(f[2]); err == nil && len(c) > 0 {
				return c
			}
		}
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
