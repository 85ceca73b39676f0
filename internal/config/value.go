package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

var durationType = reflect.TypeFor[time.Duration]()

// set parses texts into the field. Only a slice takes more than one; each text of a slice may hold several, parted by commas.
func (o *option) set(texts []string) error {
	if !o.isList() {
		return o.parse(o.value, texts[len(texts)-1]) // the last flag wins, as everywhere
	}
	list := reflect.MakeSlice(o.value.Type(), 0, len(texts))
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			item := reflect.New(o.value.Type().Elem()).Elem()
			if err := o.parse(item, strings.TrimSpace(part)); err != nil {
				return err
			}
			list = reflect.Append(list, item)
		}
	}
	o.value.Set(list)
	return nil
}

// isList reports whether the option takes several values. A slice that reads itself from text is one value.
func (o *option) isList() bool {
	_, text := o.value.Addr().Interface().(encoding.TextUnmarshaler)
	return o.value.Kind() == reflect.Slice && !text
}

func (o *option) parse(v reflect.Value, text string) error {
	if len(o.oneof) > 0 && !slices.Contains(o.oneof, text) {
		return fmt.Errorf("%q is not one of %s", text, strings.Join(o.oneof, ", "))
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%q is not %s: %w", text, article(o.unit), err)
		}
		return nil
	}
	switch {
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration: write a number with its unit, such as 30s, 5m or 2h", text)
		}
		v.SetInt(int64(d))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		on, err := parseSwitch(text)
		if err != nil {
			return err
		}
		v.SetBool(on)
	case v.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
	default:
		return fmt.Errorf("config: fields of type %s are not supported", v.Type())
	}
	return nil
}

func parseSwitch(text string) (bool, error) {
	switch text {
	case "on", "true":
		return true, nil
	case "off", "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither on nor off", text)
}

// kind names what the option takes, for the help text and the reference page.
func (o *option) kind() string {
	switch {
	case len(o.oneof) > 0:
		return strings.Join(o.oneof, "|")
	case o.value.Kind() == reflect.Bool:
		return "on|off"
	case o.unit != "":
		return o.unit
	case o.value.Type() == durationType:
		return "duration"
	case o.value.Kind() == reflect.Int:
		return "number"
	}
	return "text"
}

func article(unit string) string {
	switch {
	case unit == "":
		return "a valid value"
	case strings.ContainsRune("AEIOaeio", rune(unit[0])):
		return "an " + unit
	}
	return "a " + unit
}

// PortRange is a range of UDP or TCP ports, both ends included, written 49152-65535. The zero value is no range.
type PortRange struct{ Min, Max uint16 }

// UnmarshalText reads "min-max" or one port.
func (r *PortRange) UnmarshalText(text []byte) error {
	low, high, found := strings.Cut(string(text), "-")
	if !found {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || first == 0 {
		return errors.New("write two ports between 1 and 65535 with a dash, such as 49152-65535")
	}
	if last < first {
		return errors.New("the first port is above the last")
	}
	r.Min, r.Max = uint16(first), uint16(last)
	return nil
}

// String writes the range as UnmarshalText reads it.
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.Min, r.Max) }
