package faults

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// balancer is a plain TCP balancer: each connection goes to the next backend, or to another one if that is down.
type balancer struct {
	address  string
	backends atomic.Pointer[[]string]
	next     atomic.Uint64
}

func startBalancer(t testing.TB) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	b := &balancer{address: listener.Addr().String()}
	b.to(nil)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			go b.forward(connection)
		}
	}()
	return b
}

// to names the backends of the connections from now on.
func (b *balancer) to(backends []string) { b.backends.Store(&backends) }

func (b *balancer) forward(front net.Conn) {
	defer front.Close() //nolint:errcheck // the other side knows
	backends := *b.backends.Load()
	first := int(b.next.Add(1))
	for i := range backends {
		back, err := net.Dial("tcp", backends[(first+i)%len(backends)])
		if err != nil {
			continue
		}
		defer back.Close() //nolint:errcheck // the other side knows
		done := make(chan struct{}, 2)
		for _, pair := range [][2]net.Conn{{front, back}, {back, front}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1]) // the end of either side is the end of both
				done <- struct{}{}
			}()
		}
		<-done
		return
	}
}
