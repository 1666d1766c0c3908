package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	learnerNamespace       = "learners"
	clientID, clientSecret = "rollcall", "rollcall-secret"
	// senders is how many documents are sent at a time.
	senders = 16
)

// learners are people that the back office sends documents of, and what it took to bring them in step.
type learners struct {
	name, prefix string
	count        int
	// acknowledged and ready are from the first PUT until the last answer, and until the last Contact was Ready.
	acknowledged, ready time.Duration
	// again is what it cost to send the same documents once more.
	cost, again cost
}

// cost is what the API server and the LMS were asked for.
type cost struct {
	writes writes
	calls  []openedxtest.Call
}

// measureLearners sends documents while a platform is connected, until all learners are in step, and then sends them
// again. The LMS is a stand-in that answers at once and throttles nothing: what counts are calls and writes.
//
// There are learners whose account the LMS has, made through its site, and such who have none yet: on the default site
// of an LMS, eox-core does not see the accounts that it makes, and Rollcall enrolls those in another way.
func (b *bench) measureLearners(ctx context.Context) (section, error) {
	all := []*learners{
		{name: "with an account", prefix: "known", count: b.learners},
		{name: "without one", prefix: "new", count: b.learners},
	}
	lms, address, stop, err := startLMS(ctx, world(b.enrollments, all[0]), openedxtest.WithThrottle(0))
	if err != nil {
		return section{}, err
	}
	defer stop()
	site, err := b.newSite(ctx, learnerNamespace)
	if err != nil {
		return section{}, err
	}
	err = b.withRollcall(ctx, site, nil, func(ctx context.Context, office *backOffice, _ time.Duration) error {
		progress("Connecting the LMS")
		if err := b.connectLMS(ctx, "http://"+address); err != nil {
			return err
		}
		for _, l := range all {
			progress("Bringing %d learners %s in step", l.count, l.name)
			if l.cost, err = b.costOf(ctx, lms, func() error { return b.bringInStep(ctx, office, l) }); err != nil {
				return err
			}
			progress("Sending them again")
			l.again, err = b.costOf(ctx, lms, func() error {
				_, err := b.send(ctx, office, l, http.StatusOK)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return learnersSection(b.enrollments, all), err
}

// costOf counts what work causes until all is quiet again.
func (b *bench) costOf(ctx context.Context, lms *openedxtest.Server, work func() error) (cost, error) {
	before, err := b.settled(ctx)
	if err != nil {
		return cost{}, err
	}
	lms.ResetCalls()
	if err := work(); err != nil {
		return cost{}, err
	}
	after, err := b.settled(ctx)
	return cost{writes: after.since(before), calls: lms.Calls()}, err
}

// bringInStep sends the documents and waits until every learner is Ready.
func (b *bench) bringInStep(ctx context.Context, office *backOffice, l *learners) error {
	start := time.Now()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		err := b.waitUntilReady(ctx, &v1alpha1.ContactList{}, l.prefix, l.count)
		l.ready = time.Since(start)
		return err
	})
	tasks.Go(func() error {
		sent, err := b.send(ctx, office, l, http.StatusCreated)
		l.acknowledged = sent.took
		return err
	})
	return tasks.Wait()
}

func (b *bench) send(ctx context.Context, office *backOffice, l *learners, want int) (sample, error) {
	return measure(ctx, senders, l.count, func(ctx context.Context, i int) error {
		return office.put(ctx, newDocument(l.prefix, i, b.enrollments), want)
	})
}

// waitUntilReady watches until so many objects of a kind are Ready, of those whose name has the prefix.
func (b *bench) waitUntilReady(ctx context.Context, kind client.ObjectList, prefix string, count int) error {
	watcher, err := b.Watch(ctx, kind, client.InNamespace(learnerNamespace))
	if err != nil {
		return err
	}
	defer watcher.Stop()
	ready := map[string]bool{}
	for len(ready) < count {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d are Ready: %w", len(ready), count, context.Cause(ctx))
		case event, open := <-watcher.ResultChan():
			if !open || event.Type == watch.Error {
				return errors.New("the watch broke off")
			}
			o, ok := event.Object.(interface {
				client.Object
				GetObjectStatus() *v1alpha1.ObjectStatus
			})
			if ok && strings.HasPrefix(o.GetName(), prefix) && meta.IsStatusConditionTrue(o.GetObjectStatus().Conditions, v1alpha1.ConditionReady) {
				ready[o.GetName()] = true
			}
		}
	}
	return nil
}

// connectLMS makes a platform and its courses, and waits until Rollcall has found them on the LMS.
func (b *bench) connectLMS(ctx context.Context, url string) error {
	named := metav1.ObjectMeta{Namespace: learnerNamespace, Name: "default"}
	objects := []client.Object{
		&corev1.Secret{ObjectMeta: named, StringData: map[string]string{"client-id": clientID, "client-secret": clientSecret}},
		&v1alpha1.LearningPlatform{ObjectMeta: named, Spec: v1alpha1.LearningPlatformSpec{
			URL: url, CredentialsSecretRef: v1alpha1.SecretReference{Name: named.Name},
			AccountRoute: v1alpha1.AccountRouteEoxCore, EnrollmentRoute: v1alpha1.EnrollmentRouteEoxCore,
			CallsPerMinute: int32(b.callsPerMinute),
		}},
	}
	for i := range b.enrollments {
		objects = append(objects, course(learnerNamespace, i))
	}
	for _, o := range objects {
		if err := b.Create(ctx, o); err != nil {
			return err
		}
	}
	return errors.Join(
		b.waitUntilReady(ctx, &v1alpha1.LearningPlatformList{}, "", 1),
		b.waitUntilReady(ctx, &v1alpha1.CourseList{}, "", b.enrollments),
	)
}

// world has the courses, the service user, and the accounts of learners.
func world(courses int, known *learners) openedxtest.World {
	w := openedxtest.World{
		Applications: []openedxtest.Application{{ClientID: clientID, ClientSecret: clientSecret, Grant: "client-credentials", User: "rollcall_svc"}},
		Users:        []openedxtest.UserSpec{{Username: "rollcall_svc", Email: "rollcall_svc@example.com", Name: "Rollcall Service", Active: true, Staff: true}},
	}
	for i := range known.count {
		d := newDocument(known.prefix, i, 0)
		w.Users = append(w.Users, openedxtest.UserSpec{Username: d.ContactID, Email: d.Email, Name: d.FirstName + " " + d.LastName, Active: true})
	}
	for i := range courses {
		w.Courses = append(w.Courses, openedxtest.CourseSpec{ID: courseKey(i), Name: courseCode(i), Modes: []openedxtest.ModeSpec{{Slug: "audit"}}})
	}
	return w
}

// startLMS serves a stand-in.
func startLMS(ctx context.Context, world openedxtest.World, options ...openedxtest.Option) (lms *openedxtest.Server, address string, stop func(), err error) {
	lms = openedxtest.New(world, options...)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	server := &http.Server{Handler: lms, ReadHeaderTimeout: requestTimeout}
	go func() { _ = server.Serve(listener) }() // ends when it is closed; if before, the learners never get Ready
	return lms, listener.Addr().String(), func() { _ = server.Close() }, nil
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}
