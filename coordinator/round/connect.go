package round

import (
	"slices"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

func (m *Machine) connected(id [32]byte, out *Output) {
	m.present[id] = true
	p := m.members[id]
	if p != nil {
		p.present = true
	}
	m.resend(id, p, out)
}

func (m *Machine) disconnected(id [32]byte) {
	delete(m.present, id)
	if p := m.members[id]; p != nil && p.present {
		p.present, p.away = false, m.now
	}
}

// comeBack is what a member gets beyond the grace after a restart of the coordinator: it has to notice that its connection
// is gone, and its attempts have been backing off.
const comeBack = 5 * time.Second

// restarted starts every member's grace anew: nobody can be connected to a coordinator that has just come up.
func (m *Machine) restarted() {
	clear(m.present)
	m.disturbed = m.disturbed || m.phase > Keys
	for _, p := range m.members {
		p.present, p.away = false, m.now.Add(comeBack)
	}
}

// resend tells a device that has just connected what the round wants from it. Everything sent is equal to what was sent
// before, or says what was decided before.
func (m *Machine) resend(id [32]byte, p *member, out *Output) {
	if p == nil {
		if (m.phase == Recruit || m.phase == Keys) && m.entries.roster == nil {
			m.offer(id, out)
		}
		return
	}
	switch {
	case p.standing == Listed && m.phase == Shares:
		m.sendRoster(p, out)
	case p.standing == Shared && m.phase == Inputs && !m.sealed():
		m.sendDelivery(p, out)
	case p.receipt != nil && m.phase == Inputs:
		out.send(id, p.receipt)
	case m.phase == Unmask && (p.standing == Included || p.standing == Confirmed):
		out.send(id, p.receipt) // it may have been lost with the connection
		m.sendSurvivors(p, out)
		if p.standing == Confirmed && m.relayed {
			m.sendConfirmed(p, out)
		}
	}
}

func (m *Machine) offer(id [32]byte, out *Output) {
	out.prove(id, &protocol.Offer{Code: m.cfg.Code, ModelSize: m.cfg.ModelSize}, append(slices.Clone(m.cfg.Context), m.cfg.Index)...)
}

// message handles the messages that carry a round.
func (m *Machine) message(id [32]byte, msg protocol.Message, out *Output) {
	switch msg := msg.(type) {
	case *protocol.Advertise:
		m.advertised(id, msg, out)
	case *protocol.Shares:
		m.sharesIn(id, msg, out)
	case *protocol.Input:
		m.inputIn(id, msg, out)
	case *protocol.Confirm:
		m.confirmIn(id, msg, out)
	case *protocol.Reveal:
		m.revealIn(id, msg, out)
	default:
		out.hangUp(id, protocol.CodeUnexpected, "this message has no place in a round")
	}
}

// afterEnd answers devices that come back to a round that is over.
func (m *Machine) afterEnd(e Event, out *Output) {
	switch e.Kind {
	case Connected:
		m.present[e.From] = true
		if m.ended {
			m.Farewell(e.From, out)
		}
	case Disconnected:
		delete(m.present, e.From)
	case Message:
		if m.ended {
			m.Farewell(e.From, out)
		}
	}
}

// Farewell sends a member how the round ended, with its path to inputs_root where its vector counted.
func (m *Machine) Farewell(id [32]byte, out *Output) {
	p := m.members[id]
	if p == nil {
		return
	}
	msg := &protocol.Close{OpenHash: m.openHash}
	if m.phase == Done && p.inU3() {
		msg.InputIndex = uint32(p.leaf)
		msg.InputProof = p.inputProof()
	}
	out.prove(id, msg, m.indexes.final)
}
