package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
)

var (
	rounds = flag.Int("faults.rounds", 3, "how often processes are killed")
	seed   = flag.Uint64("faults.seed", rand.Uint64(), "from where the victims and moments follow; it is printed")
)

// A document that is answered is stored, whatever is killed when; one that is not answered is stored whole or not at all.
func TestWhatIsAnsweredSurvivesAnyKill(t *testing.T) {
	t.Logf("-faults.seed=%d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	c := startCluster(t)
	o := newOffice(c)
	var order []string
	for round := range *rounds {
		if len(order) == 0 { // each of them comes once in three rounds
			order = []string{"rollcall", "kube-apiserver", "etcd"}
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		victims := order[:1]
		if random.IntN(3) == 0 {
			victims = order[:min(2, len(order))]
		}
		killAndCheck(t, c, o, round+1, victims, random)
		order = order[1:]
		if t.Failed() {
			return
		}
	}
}

// killAndCheck is one round.
func killAndCheck(t *testing.T, c *cluster, o *office, round int, victims []string, random *rand.Rand) {
	began, stored, unsure := time.Now(), o.stored.Load(), o.unsure.Load()
	c.runReplicas(1 + round%2)
	ctx, stop := context.WithCancel(t.Context())
	wait := write(ctx, writers(o, c, fmt.Sprintf("r%02d", round), random.Uint64()))
	t.Cleanup(wait) // of a round that ends early; the end of the test stops it

	o.waitForStored(100 + random.Int64N(500))
	for _, name := range victims {
		victim, pause := c.named(name, random), time.Duration(random.Int64N(int64(time.Second)))
		eventually(t, victim.name+" is killed", func() error { return victim.kill(pause) })
	}
	c.waitForAPIServer()
	c.waitForReplicas()
	o.waitForStored(200) // everything works again
	stop()
	wait()
	o.check(c)
	t.Logf("round %d in %.1fs: %d replicas, %s killed: %d documents acknowledged, %d unanswered", round,
		time.Since(began).Seconds(), len(c.replicas), strings.Join(victims, " and "), o.stored.Load()-stored, o.unsure.Load()-unsure)
	// Alone it outlives the others. With a lease to lose, or started while they are down, it may end and is started again.
	if err := c.replicas[0].died(); err != nil && len(c.replicas) == 1 && !slices.Contains(victims, "rollcall") {
		t.Error(err)
	}
	for _, r := range c.replicas {
		crash, err := r.crash()
		must(t, err)
		if crash != "" {
			t.Errorf("%s has crashed: %s", r.name, crash)
		}
	}
}

// named gives a victim by its name: one of the replicas for Rollcall.
func (c *cluster) named(name string, random *rand.Rand) *unit {
	switch name {
	case "etcd":
		return c.etcd
	case "kube-apiserver":
		return c.apiServer
	default:
		return c.replicas[random.IntN(len(c.replicas))].unit
	}
}

// waitForStored waits until more documents are acknowledged.
func (o *office) waitForStored(more int64) {
	o.t.Helper()
	target := o.stored.Load() + more
	eventually(o.t, fmt.Sprintf("%d more documents are acknowledged", more), func() error {
		if missing := target - o.stored.Load(); missing > 0 {
			return fmt.Errorf("%d are missing", missing)
		}
		return nil
	})
}

// check compares what the API server holds with the history of all contacts.
func (o *office) check(c *cluster) {
	o.t.Helper()
	var contacts v1alpha1.ContactList
	must(o.t, c.List(context.Background(), &contacts, client.InNamespace("default")))
	looked := time.Since(o.began)
	held := map[string]operation{}
	for i := range contacts.Items {
		contact := &contacts.Items[i]
		id := contact.Spec.ContactID
		if _, twin := held[id]; twin {
			o.t.Errorf("there are two Contacts of %s", id)
		}
		if _, sent := o.history[id]; !sent {
			o.t.Errorf("there is a Contact of %s, of which nothing was sent", id)
		}
		look := operation{contact: id, called: looked, returned: looked, document: numberOf(&contact.Spec), revision: unnumbered, answer: seen}
		if revision := documents.Revision(contact); revision != nil {
			look.revision = *revision
		}
		held[id] = look
	}
	for id, history := range o.history {
		look, ok := held[id]
		if !ok {
			look = operation{contact: id, called: looked, returned: looked, revision: unnumbered, answer: seen}
		}
		if err := check(append(history, look)); err != nil {
			o.t.Error(err)
		}
	}
}
