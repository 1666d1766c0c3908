//go:build !linux

package main

import "path/filepath"

// Only Linux kills children together with their parent. Elsewhere a demo that is killed leaves them behind.

func stopWithMake() {}

func becomeCalledProgram() {}

func (d *demo) linkTo(program string) (string, error) { return filepath.Join(assets(), program), nil }
