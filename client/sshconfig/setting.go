package sshconfig

// Setting is one option of the command line, in the order typed. What a file
// says is the same without Override, so that precedence is one mechanism: the
// first value of a keyword stays, unless a later one overrides it.
type Setting struct {
	// Line is a line of a configuration file, from -o. Otherwise it is empty,
	// and Key and Value are what a flag sets: taken as they are, never split.
	Line string

	Key   string
	Value string

	// Override takes the place of a value set before, as most flags do.
	Override bool

	// Existing leaves the setting out, with a warning, when Value names no file.
	Existing bool

	// Complaint says that Value is bad, in the words of the flag; %s in it is
	// the value. Empty: in those of the keyword.
	Complaint string
}

// Set returns a setting that stands unless an earlier one does.
func Set(key, value string) Setting { return Setting{Key: key, Value: value} }

// Override returns a setting that stands in place of earlier ones.
func Override(key, value string) Setting {
	return Setting{Key: key, Value: value, Override: true}
}
