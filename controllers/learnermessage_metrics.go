package controllers

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
)

var (
	messageAttempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_message_attempts_total",
		Help: "Attempts to hand a learner's message in to the mail server, by platform and by what came of them.",
	}, []string{"platform", "outcome"})

	messagesWaiting = &waitingMessages{since: map[types.NamespacedName]waitingMessage{}}
)

func init() {
	metrics.Registry.MustRegister(messageAttempts, messagesWaiting)
}

func countAttempt(platform *v1alpha1.LearningPlatform, outcome string) {
	messageAttempts.WithLabelValues(client.ObjectKeyFromObject(platform).String(), outcome).Inc()
}

// waitingMessages are the messages that are to be handed in, counted when somebody asks.
type waitingMessages struct {
	mu    sync.Mutex
	since map[types.NamespacedName]waitingMessage
}

type waitingMessage struct {
	platform types.NamespacedName
	since    time.Time
}

var (
	messagesWaitingDesc = prometheus.NewDesc("rollcall_messages_waiting",
		"Learners' messages that are accepted and neither delivered nor given up, by platform.", []string{"platform"}, nil)
	oldestMessageDesc = prometheus.NewDesc("rollcall_messages_oldest_waiting_timestamp_seconds",
		"When the oldest of the waiting messages was accepted, by platform; absent while none waits.", []string{"platform"}, nil)
)

// note keeps track of a message.
func (w *waitingMessages) note(message *v1alpha1.LearnerMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := client.ObjectKeyFromObject(message)
	if end := endedAt(message); !end.IsZero() || !message.DeletionTimestamp.IsZero() {
		delete(w.since, key)
		return
	}
	platform := types.NamespacedName{Namespace: message.Namespace, Name: message.Spec.PlatformRef.Name}
	w.since[key] = waitingMessage{platform: platform, since: message.CreationTimestamp.Time}
}

// forget drops a message that is gone.
func (w *waitingMessages) forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, key)
}

// Describe implements prometheus.Collector.
func (w *waitingMessages) Describe(to chan<- *prometheus.Desc) {
	to <- messagesWaitingDesc
	to <- oldestMessageDesc
}

// Collect implements prometheus.Collector.
func (w *waitingMessages) Collect(to chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	count, oldest := map[types.NamespacedName]int{}, map[types.NamespacedName]time.Time{}
	for _, message := range w.since {
		count[message.platform]++
		if first, ok := oldest[message.platform]; !ok || message.since.Before(first) {
			oldest[message.platform] = message.since
		}
	}
	for platform, messages := range count {
		to <- prometheus.MustNewConstMetric(messagesWaitingDesc, prometheus.GaugeValue, float64(messages), platform.String())
		to <- prometheus.MustNewConstMetric(oldestMessageDesc, prometheus.GaugeValue, float64(oldest[platform].Unix()), platform.String())
	}
}
