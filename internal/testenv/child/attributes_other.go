//go:build !linux

package child

import "syscall"

// Only Linux kills children together with their parent. Elsewhere a parent that is killed leaves them behind.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
