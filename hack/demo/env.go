package main

import (
	"fmt"
	"os"
	"strings"
)

// environment is what somebody needs to look around: for the commands that the demo shows, and for the file env.
// PATH is a folder that comes before the others.
type environment []variable

type variable struct{ name, value string }

func (e *environment) set(name, value string) { *e = append(*e, variable{name, value}) }

func (e environment) get(name string) string {
	for _, v := range e {
		if v.name == name {
			return v.value
		}
	}
	return ""
}

// environ is the environment of a command.
func (e environment) environ() []string {
	all := os.Environ()
	for _, v := range e {
		if v.name == "PATH" {
			v.value += ":" + os.Getenv("PATH")
		}
		all = append(all, v.name+"="+v.value) // the last one counts
	}
	return all
}

// write makes a file of shell exports. It is there with all of its content, or not at all.
func (e environment) write(path string) error {
	var lines strings.Builder
	for _, v := range e {
		value := quote(v.value)
		if v.name == "PATH" {
			value += `:"$PATH"`
		}
		fmt.Fprintf(&lines, "export %s=%s\n", v.name, value)
	}
	if err := os.WriteFile(path+".new", []byte(lines.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// quote makes one word of a value for a POSIX shell.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
