package task

import "fmt"

// Fit is the task with other rounds, where rounds is positive, for so many people: with no larger a cohort than there are people, where no
// noise was counted for it: without noise, or where that of a simulated population is. With other rounds a device may be in all of them, unless
// the task fixed fewer participations, which then have to be enough; what comes out is a task that could stand in a file.
func (t *Task) Fit(rounds, people int) (*Task, error) {
	own := *t
	if rounds < 0 {
		return nil, fmt.Errorf("--rounds is %d: want 1 or more", rounds)
	}
	if rounds > 0 {
		if own.Rounds.Participations >= min(rounds, own.Rounds.Count) {
			own.Rounds.Participations = 0 // as many as there are rounds
		}
		own.Rounds.Count = rounds
	}
	if own.Rounds.Cohort > people {
		if !own.Noise.None() && own.Population.People == 0 {
			return nil, fmt.Errorf("task %s: rounds.cohort is %d and there are %d people with training titles: its noise is counted for such a cohort; write a smaller one, or 0 for everybody, into a task file",
				own.Name, own.Rounds.Cohort, people)
		}
		own.Rounds.Cohort = 0
	}
	checked, err := Parse(own.Canonical())
	if err != nil {
		return nil, fmt.Errorf("the task with %d rounds: %w", own.Rounds.Count, err)
	}
	return checked, nil
}
