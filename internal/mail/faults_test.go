package mail_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/mail"
	"rollcall.dev/rollcall/internal/mail/mailtest"
)

func without(security *mailtest.Server) mail.Server {
	return mail.Server{Host: security.Host, Port: security.Port, Security: mail.None}
}

func TestAnswersAreClassifiedOnce(t *testing.T) {
	server := mailtest.StartServer(t)
	for _, test := range []struct {
		stage  mailtest.Stage
		answer error
		class  mail.Class
		want   string
	}{
		{mailtest.Hello, mailtest.Reply(421), mail.Unavailable, "The mail server takes no messages just now (421)."},
		{mailtest.Hello, mailtest.Reply(554), mail.Misconfigured, "The mail server refuses the connection (554)."},
		{mailtest.Hello, mailtest.Drop, mail.Unavailable, "The mail server does not answer."},
		{mailtest.Sender, mailtest.Reply(451, 4, 7, 1), mail.Transient, "The mail server does not take the message just now (451)."},
		{mailtest.Sender, mailtest.Reply(530, 5, 7, 0), mail.Misconfigured, "The mail server asks for other credentials (530 5.7.0)."},
		{mailtest.Sender, mailtest.Reply(553), mail.Misconfigured, "The mail server does not accept the sender's address (553)."},
		{mailtest.Sender, mailtest.Drop, mail.Unavailable, "The connection to the mail server broke."},
		{mailtest.Recipient, mailtest.Reply(450), mail.Transient, "The mail server does not take the message just now (450)."},
		{mailtest.Recipient, mailtest.Reply(550, 5, 1, 1), mail.Refused, "The mail server refuses the recipient's address (550 5.1.1)."},
		{mailtest.Recipient, mailtest.Reply(530), mail.Misconfigured, "The mail server asks for other credentials (530)."},
		{mailtest.Recipient, mailtest.Drop, mail.Unavailable, "The connection to the mail server broke."},
		{mailtest.Received, mailtest.Reply(452, 4, 3, 1), mail.Transient, "The mail server does not take the message just now (452)."},
		{mailtest.Received, mailtest.Reply(554, 5, 7, 1), mail.Refused, "The mail server refuses the message (554 5.7.1)."},
		{mailtest.Received, mailtest.Drop, mail.Unconfirmed, "The connection to the mail server ended before it confirmed the message; it may have taken it."},
	} {
		t.Run(fmt.Sprint(test.stage, " ", test.want), func(t *testing.T) {
			server.Decide(func(stage mailtest.Stage) error {
				if stage == test.stage {
					return test.answer
				}
				return nil
			})
			expect(t, mail.Send(t.Context(), without(server), message()), test.class, test.want)
		})
	}
}

func TestARefusedGreetingIsNoVerdictOnTheMessage(t *testing.T) {
	for greeting, want := range map[string]*mail.Error{
		"554 5.7.1 not you":    {Class: mail.Misconfigured, Message: "The mail server refuses the connection (554)."},
		"421 too many":         {Class: mail.Unavailable, Message: "The mail server takes no messages just now (421)."},
		"HTTP/1.1 400 Bad":     {Class: mail.Misconfigured, Message: "The mail server does not offer the security or the authentication that is asked for."},
		"220 ready, and hangs": {Class: mail.Unavailable, Message: "The mail server does not answer."},
	} {
		t.Run(greeting, func(t *testing.T) {
			server := play(t, mail.StartTLS, func(conn io.ReadWriter) {
				say(conn, greeting)
				_, _ = io.Copy(io.Discard, conn) // until the client hangs up
			})
			expect(t, mail.Send(soon(t), server, message()), want.Class, want.Message)
		})
	}
}

func TestAServerThatIsSlowBeforeTheMessageIsGivenUp(t *testing.T) {
	server := mailtest.StartServer(t)
	goOn := make(chan struct{})
	t.Cleanup(func() { close(goOn) })
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Hello {
			<-goOn
		}
		return nil
	})
	expect(t, mail.Send(soon(t), without(server), message()), mail.Unavailable, "The mail server does not answer.")
}

func TestAServerThatIsSlowToAgreeOnTheEnvelopeIsGivenUp(t *testing.T) {
	for _, slow := range []mailtest.Stage{mailtest.Sender, mailtest.Recipient} {
		t.Run(string(slow), func(t *testing.T) {
			server := mailtest.StartServer(t)
			ctx, end := context.WithCancel(t.Context())
			server.Decide(func(stage mailtest.Stage) error {
				if stage == slow {
					end()
					<-t.Context().Done()
				}
				return nil
			})
			ended := make(chan error, 1)
			go func() { ended <- mail.Send(ctx, without(server), message()) }()
			select {
			case err := <-ended:
				expect(t, err, mail.Unavailable, "The connection to the mail server broke.")
			case <-time.After(5 * time.Second):
				t.Error("it is waited for as if it could have the message")
			}
		})
	}
}

func TestTheAnswerOnAMessageOnItsWayIsAwaitedAfterTheEnd(t *testing.T) {
	server := mailtest.StartServer(t)
	ctx, end := context.WithCancel(t.Context())
	server.Decide(func(stage mailtest.Stage) error {
		if stage == mailtest.Received {
			end()
			time.Sleep(300 * time.Millisecond) //nolint:forbidigo // The server is slow.
		}
		return nil
	})
	if err := mail.Send(ctx, without(server), message()); err != nil {
		t.Errorf("the server took the message, but: %v", err)
	}
}

func TestWhatFollowsTheAnswerChangesNothing(t *testing.T) {
	server := play(t, mail.None, func(conn io.ReadWriter) {
		lines := bufio.NewScanner(conn)
		for _, answer := range []string{"220 ready", "250 hello", "250 from", "250 to", "354 go on"} {
			say(conn, answer)
			lines.Scan()
		}
		for lines.Text() != "." {
			if !lines.Scan() {
				return
			}
		}
		say(conn, "250 taken") // and the connection breaks
	})
	if err := mail.Send(t.Context(), server, message()); err != nil {
		t.Errorf("the server took the message, but: %v", err)
	}
}

// play has a server that speaks with one client.
func play(t *testing.T, security mail.Security, speak func(io.ReadWriter)) mail.Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		speak(conn)
		_ = conn.Close()
	}()
	return mail.Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: security}
}

func say(conn io.Writer, line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
