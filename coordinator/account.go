package coordinator

import (
	"fmt"
	"math"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// account tells the population ledger what an entry says, in the order of the log: at a start as while running. What the ledger refuses
// must never have been logged, so a refusal stops the process.
func (c *Coordinator) account(hash [32]byte, rec audit.Record) error {
	var err error
	switch r := rec.(type) {
	case *audit.PolicyChange:
		c.ledger.Policy(privacy.Units(r.CeilingUnits), r.PeriodSeconds)
	case *audit.Question:
		c.ledger.Ask(hash, r.ShareBP)
	case *audit.RoundOpen:
		err = c.ledger.Open(r.Question, r.OpenedAt)
	case *audit.Survivors: // of any cohort: the same debit again is nothing
		open := c.openRecord(r.Open)
		if open == nil {
			return fmt.Errorf("log entry %d: Survivors of a round that was not opened: restore the store from a backup", len(c.entries)-1)
		}
		_, err = c.ledger.Debit(debitOf(open))
	case *audit.BudgetExhausted:
		c.ledger.Exhaust(r.Question)
	}
	if err != nil {
		return fmt.Errorf("log entry %d: the population ledger refuses it, restore the store from a backup: %w", len(c.entries)-1, err)
	}
	return nil
}

func debitOf(open *audit.RoundOpen) privacy.RoundDebit {
	return privacy.RoundDebit{Round: open.Round, Question: open.Question, Units: privacy.Units(open.RhoUnits), P: open.P, B: open.B}
}

// checkCharges holds the rows that were written with the Survivors entries against what the log gives. A store that lost one, or was
// given back one, is not gone on with: nobody knows what else it lost.
func (c *Coordinator) checkCharges(rows []ChargeRow) error {
	debited := c.ledger.Debited()
	for _, r := range rows {
		d, ok := debited[r.Round]
		if !ok || d.Question != r.Question || uint64(d.Units) != r.Units {
			return fmt.Errorf("the store charges %d units for round %d, its log says %d: restore the store from a backup", r.Units, r.Round, d.Units)
		}
		delete(debited, r.Round)
	}
	for round, d := range debited {
		return fmt.Errorf("the store's charge of %d units for round %d is missing: restore the store from a backup", d.Units, round)
	}
	return nil
}

// renew logs the policy again where the ledger period has lasted its time, so that the round opened now begins the next one
// (docs/spec/log.md 6.5). The terms stay those of the task.
func (c *Coordinator) renew(opened uint64, b *batch) error {
	end, ok := c.ledger.PeriodEnd()
	if !ok || opened < end {
		return nil
	}
	entry, err := audit.Seal(c.key(), c.cfg.Task.policy())
	if err != nil {
		return fmt.Errorf("seal the policy of a new ledger period: %w", err)
	}
	return c.append(entry, b)
}

// exhausted logs, once in a period, that no further round of this question fits into the budget.
func (c *Coordinator) exhausted(question [32]byte, number, at uint64, b *batch) error {
	entry, err := audit.Seal(c.key(), &audit.BudgetExhausted{Question: question, Round: number})
	if err != nil {
		return fmt.Errorf("seal budget record: %w", err)
	}
	if err := c.append(entry, b); err != nil {
		return err
	}
	if end, _ := c.ledger.PeriodEnd(); at >= end {
		c.stopped = true // not even the first round of a period fits
		c.cfg.Log.Warn("one round costs more than a whole ledger period allows the question: no round is opened")
		return nil
	}
	c.rest()
	return nil
}

// rest waits for the next ledger period, or ends the task if the question expires before.
func (c *Coordinator) rest() {
	end, ok := c.ledger.PeriodEnd()
	if !ok || end >= c.asked.Expiry || end > math.MaxInt64 {
		c.stopped = true
		c.cfg.Log.Warn("the population ledger is at its ceiling, and the question expires before the period ends: no further round is opened")
		return
	}
	c.nextAt = time.Unix(int64(end), 0)
	c.cfg.Log.Warn("the population ledger is at its ceiling: the next round is opened in the next ledger period", "at", c.nextAt.UTC())
}
