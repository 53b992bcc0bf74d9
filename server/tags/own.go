package tags

import (
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// own is Read without kong.
func own(line any, args []string) error {
	v := reflect.ValueOf(line).Elem()
	for name, f := range Fields(v.Type()) {
		if name == args[0] {
			return readCommand(v.FieldByIndex(f.Index), args[1:])
		}
	}
	return fmt.Errorf("unexpected argument %s", args[0])
}

// readCommand reads options, which may stand anywhere before a "--", and words.
func readCommand(v reflect.Value, args []string) error {
	var words []reflect.Value // that may still come
	required := 0
	options := make(map[string]reflect.Value)
	for name, f := range Fields(v.Type()) {
		field := v.FieldByIndex(f.Index)
		if Has(f, "arg") {
			words = append(words, field)
			if !Has(f, "optional") {
				required++
			}
			continue
		}
		options["--"+name] = field
		if short := f.Tag.Get("short"); short != "" {
			options["-"+short] = field
		}
		if field.Kind() == reflect.String {
			field.SetString(f.Tag.Get("default"))
		}
	}
	for all := false; len(args) > 0; {
		word := args[0]
		args = args[1:]
		if !all && word == "--" {
			all = true
			continue
		}
		if all || len(word) < 2 || word[0] != '-' {
			if len(words) == 0 {
				return fmt.Errorf("unexpected argument %s", word)
			}
			words[0].SetString(word)
			words, required = words[1:], required-1
			continue
		}
		name, value, given := strings.Cut(word, "=")
		option, ok := options[name]
		switch {
		case !ok:
			return fmt.Errorf("unknown flag %s", name)
		case option.Kind() == reflect.Bool:
			on := !given || slices.Contains([]string{"true", "1", "yes"}, strings.ToLower(value))
			if !on && !slices.Contains([]string{"false", "0", "no"}, strings.ToLower(value)) {
				return fmt.Errorf("%s: %s is neither true nor false", name, value)
			}
			option.SetBool(on)
		case !given && (len(args) == 0 || len(args[0]) > 1 && args[0][0] == '-'):
			return fmt.Errorf("%s: a value is missing", name)
		default:
			if !given {
				value, args = args[0], args[1:]
			}
			option.SetString(value)
		}
	}
	if required > 0 {
		return fmt.Errorf("an argument is missing")
	}
	return nil
}

// Fields are those of a struct, by the names that they have on the command line.
func Fields(t reflect.Type) iter.Seq2[string, reflect.StructField] {
	return func(yield func(string, reflect.StructField) bool) {
		for i := range t.NumField() {
			f := t.Field(i)
			if !yield(cmp.Or(f.Tag.Get("name"), dashed(f.Name)), f) {
				return
			}
		}
	}
}

// dashed is HostKey as host-key.
func dashed(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Has tells whether a field has a tag, of any value.
func Has(f reflect.StructField, tag string) bool {
	_, ok := f.Tag.Lookup(tag)
	return ok
}
