package sshconfig

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/sshconfig/algorithm"
	"tssh/client/sshconfig/value"
	"tssh/proxy/wire"
)

// finish fills in defaults, checks what must fit together, and expands what ssh
// expands before it connects.
func (e *evaluator) finish() (*Resolved, error) {
	e.defaults()
	h := &Resolved{Host: e.host, env: e.env, values: e.values}
	h.Machine = &e.env.Machine
	h.IdentityFileSet = e.values["identityfile"] != nil
	h.GSSAPIAsked = e.asked("gssapiauthentication") || e.asked("gssapikeyexchange")
	h.ObscureInterval = value.ObscureInterval(e.first("obscurekeystroketiming"))
	h.HostKeyAlgorithmsSet = e.values["hostkeyalgorithms"] != nil
	if !h.IdentityFileSet {
		e.values["identityfile"] = defaultIdentities()
	}
	h.HostName = e.first("hostname")
	h.fill()
	h.algorithms()
	h.special()
	if h.ClearAllForwardings {
		h.Lent = config.Lent{ForwardAgent: h.ForwardAgent, ForwardX11: h.ForwardX11, Tunnel: "no"}
		e.values["tunnel"] = []string{"no"}
	}
	if h.ControlPersist && h.UpdateHostKeys == "ask" {
		h.UpdateHostKeys = "no" // it would ask in the background
	}
	if h.ConnectionAttempts <= 0 {
		return nil, &config.Error{Lines: []string{"Invalid number of ConnectionAttempts"}}
	}
	if e.req.Command != "" && h.RemoteCommand != "" {
		return nil, &config.Error{Lines: []string{"Cannot execute command-line and remote command."}}
	}
	if h.ForkAfterAuthentication {
		if e.req.Command == "" && h.RemoteCommand == "" && h.SessionType != "none" {
			return nil, &config.Error{Lines: []string{"Cannot fork into background without a command to execute."}}
		}
		h.StdinNull = true
		e.values["stdinnull"] = []string{"yes"}
	}
	if !e.named { // what stands before the host is a name as it is
		literal := h.User
		if err := h.expandUser(); err != nil {
			return nil, err
		}
		// A name that was made of variables may be anybody's word.
		if h.User != literal && !endpoint.ValidUser(h.User) {
			return nil, errUser
		}
	}
	if err := h.expandEarly(); err != nil {
		return nil, err
	}
	h.late = cmp.Or(h.late, h.expandLate())
	return h, nil
}

// defaults fills in what is not set, and what "none" takes back.
func (e *evaluator) defaults() {
	for _, key := range []string{"proxycommand", "proxyjump", "controlpath", "localcommand",
		"remotecommand", "knownhostscommand", "pkcs11provider", "revokedhostkeys", "versionaddendum"} {
		if strings.EqualFold(e.first(key), "none") {
			delete(e.values, key)
		}
	}
	e.preset("user", e.env.User)
	e.preset("port", "22")
	e.preset("clearallforwardings", yesOr(e.req.Stdio))
	e.preset("exitonforwardfailure", yesOr(e.req.Stdio))
	e.preset("forwardx11trusted", yesOr(e.env.Debian))
	if e.env.Debian && e.first("batchmode") == "yes" {
		e.preset("serveraliveinterval", "300")
	}
	e.preset("serveraliveinterval", "0")
	dns := e.first("verifyhostkeydns")
	e.preset("updatehostkeys", yesOr(e.values["userknownhostsfile"] == nil && (dns == "" || dns == "no")))
	e.preset("xauthlocation", xauth())
	if _, ok := e.env.Getenv("SSH_SK_PROVIDER"); ok {
		e.preset("securitykeyprovider", "$SSH_SK_PROVIDER")
	}
	e.preset("securitykeyprovider", "internal")
	if runtime.GOOS == "windows" && e.values["globalknownhostsfile"] == nil {
		// /etc would be a folder of the current drive, which anybody may make.
		file := filepath.Join(SystemDir(), "ssh_known_hosts")
		e.values["globalknownhostsfile"] = []string{file, file + "2"}
	}
	for _, k := range keywords {
		if k.preset != "" && e.values[lower(k.name)] == nil {
			e.values[lower(k.name)] = strings.Fields(k.preset)
		}
	}
	for _, key := range []string{"serveraliveinterval", "forwardx11timeout"} {
		if e.first(key) == "none" {
			delete(e.values, key)
			e.preset(key, map[string]string{"serveraliveinterval": "0", "forwardx11timeout": "1200"}[key])
		}
	}
}

// asked reports whether the command line says yes to key. Debian's system-wide
// file says yes to GSSAPI too, but nobody who logs in asked for that.
func (e *evaluator) asked(key string) bool { return e.typed[key] && e.first(key) == "yes" }

func yesOr(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func xauth() string {
	if runtime.GOOS == "darwin" {
		return "/opt/X11/bin/xauth"
	}
	return "/usr/bin/xauth"
}

func defaultIdentities() []string {
	return []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk",
		"~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk", "~/.ssh/id_dsa"}
}

// fill copies values into the fields that bear the names of their keywords.
func (h *Resolved) fill() {
	v := reflect.ValueOf(h.Host).Elem()
	for _, k := range keywords {
		values, field := h.values[lower(k.name)], v.FieldByName(k.name)
		if values == nil || !field.IsValid() {
			continue
		}
		switch field.Interface().(type) {
		case bool:
			field.SetBool(values[0] == "yes")
		case string:
			field.SetString(values[0])
		case int:
			n, _ := strconv.Atoi(values[0])
			field.SetInt(int64(n))
		case time.Duration:
			field.SetInt(int64(value.Duration(values[0])))
		case []config.Jump:
			hops, _ := endpoint.ParseJumps(values[0]) // which it was made of
			field.Set(reflect.ValueOf(hops))
		case []string:
			if values[0] != "none" || k.many {
				field.Set(reflect.ValueOf(append([]string(nil), values...)))
			}
		}
	}
}

// algorithms puts the lists of algorithms together. A list may name what we
// cannot do, and -G prints that; a connection needs something that we can.
func (h *Resolved) algorithms() {
	for _, a := range []struct {
		key  string
		kind algorithm.Kind
		to   *[]string
		name string // "": may come to nothing
	}{
		{"ciphers", algorithm.Cipher, &h.Ciphers, "cipher"},
		{"macs", algorithm.MAC, &h.MACs, "MAC"},
		{"kexalgorithms", algorithm.Kex, &h.KexAlgorithms, "key exchange"},
		{"hostkeyalgorithms", algorithm.Signature, &h.HostKeyAlgorithms, "host key"},
		{"hostbasedacceptedalgorithms", algorithm.Signature, &h.HostbasedAcceptedAlgorithms, ""},
		{"pubkeyacceptedalgorithms", algorithm.Signature, &h.PubkeyAcceptedAlgorithms, "public key"},
		{"casignaturealgorithms", algorithm.CA, &h.CASignatureAlgorithms, ""},
	} {
		spec := ""
		if v := h.values[a.key]; v != nil {
			spec = v[0]
		}
		list := algorithm.Assemble(a.kind, spec)
		h.values[a.key] = []string{strings.Join(list, ",")}
		*a.to = algorithm.Able(a.kind, list)
		if a.kind == algorithm.Cipher {
			*a.to = algorithm.Quick(*a.to, spec)
		}
		if spec != "" && len(*a.to) < len(list) {
			h.env.debug(fmt.Sprintf("%s: not offered, since not supported here: %s", a.key,
				strings.Join(slices.DeleteFunc(list, func(n string) bool { return slices.Contains(*a.to, n) }), ",")))
		}
		if a.key == "pubkeyacceptedalgorithms" && h.PubkeyAuthentication == "no" {
			continue
		}
		if len(*a.to) == 0 && a.name != "" && h.late == nil {
			h.late = &config.Error{Lines: []string{fmt.Sprintf("no supported %s algorithm in %q", a.name, spec)}}
		}
	}
}

// special fills the fields whose keywords have a form of their own.
func (h *Resolved) special() {
	v := func(key string) []string { return h.values[key] }
	keys := v("addkeystoagent")
	h.AddKeysToAgentLifetime = value.Duration(keys[len(keys)-1])
	if n, err := strconv.Atoi(keys[0]); err == nil {
		h.AddKeysToAgent, h.AddKeysToAgentLifetime = "yes", time.Duration(n)*time.Second
	}
	if p := v("controlpersist")[0]; p != "no" {
		h.ControlPersist, h.ControlPersistTimeout = true, value.Duration(p)
	}
	h.TCPKeepAlive = v("tcpkeepalive")[0] != "no"
	h.EscapeChar = int(v("escapechar")[0][0])
	if v("escapechar")[0] == "none" {
		h.EscapeChar = -1
	}
	h.UdpReconnectExitKey = -1
	if key := v("udpreconnectexitkey")[0]; key != "none" {
		h.UdpReconnectExitKey = int(key[1] & 31)
	}
	switch h.LogLevel {
	case "SILENT":
		h.LogLevel = "QUIET"
	case "DEBUG":
		h.LogLevel = "DEBUG1"
	}
	limit := v("rekeylimit")
	h.RekeyLimit, _ = strconv.ParseInt(limit[0], 10, 64)
	if len(limit) > 1 {
		h.RekeyInterval = value.Duration(limit[1])
	}
	keep := v("udpkeepoutput")
	h.UdpKeepOutput.Terminal, _ = strconv.ParseInt(keep[0], 10, 64)
	h.UdpKeepOutput.Pipes, _ = strconv.ParseInt(keep[1], 10, 64)
	mask, _ := strconv.ParseInt(v("streamlocalbindmask")[0], 8, 32)
	h.StreamLocalBindMask = int(mask)
	h.PreferredAuthentications = nil
	if p := v("preferredauthentications"); p != nil {
		h.PreferredAuthentications = strings.Split(p[0], ",")
	}
	h.UdpMode = map[string]wire.Transport{"yes": wire.QUIC, "QUIC": wire.QUIC, "KCP": wire.KCP}[v("udpmode")[0]]
	h.UdpProxyMode = wire.Mode(v("udpproxymode")[0])
	if p := v("permitremoteopen"); p[0] == "none" {
		h.PermitRemoteOpen = []string{"none"}
	}
	none := func(path string) bool { return strings.EqualFold(path, "none") }
	h.IdentityFile = slices.DeleteFunc(h.IdentityFile, none)
	h.CertificateFile = slices.DeleteFunc(h.CertificateFile, none)
}
