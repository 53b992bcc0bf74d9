package escape

import "bytes"

// Shows tells whether a string shows a picture, by its beginning.
func Shows(introducer byte, text []byte) bool {
	switch introducer {
	case 'P':
		i := bytes.IndexFunc(text, func(r rune) bool { return r >= 0x40 })
		if i < 0 {
			return false
		}
		return text[i] == 'q' && !bytes.ContainsAny(text[:i], "$+") || // sixel; $q and +q are questions
			text[i] == 'p' && bytes.IndexByte(text[:i], '=') < 0 && i < 4 // ReGIS, or tmux's control mode
	case '_': // kitty's
		keys, _, _ := bytes.Cut(text, []byte{';'})
		if len(keys) == 0 || keys[0] != 'G' {
			return false
		}
		for k := range bytes.SplitSeq(keys[1:], []byte{','}) {
			if string(k) == "a=T" || string(k) == "a=p" || string(k) == "a=f" {
				return true
			}
		}
	case ']': // iTerm2's
		rest, ok := bytes.CutPrefix(text, []byte("1337;"))
		return ok && (bytes.HasPrefix(rest, []byte("FileEnd")) || bytes.Contains(rest, []byte("inline=1")) &&
			(bytes.HasPrefix(rest, []byte("File=")) || bytes.HasPrefix(rest, []byte("MultipartFile="))))
	}
	return false
}
