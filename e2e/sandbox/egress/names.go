//go:build linux

package main

import (
	"encoding/binary"
	"net"
	"syscall"
)

// answerNames resolves every name to one address, since all of them lead here:
// workerd learns the name from the request. The address is that which the
// original gives. Nothing is asked of the outside.
func answerNames(address string) error {
	pc, err := net.ListenPacket("udp4", address)
	if err != nil {
		return err
	}
	c := pc.(*net.UDPConn)
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	// An answer must come from the address that was asked.
	raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1) })
	if err != nil {
		return err
	}
	query, info := make([]byte, 1500), make([]byte, 64)
	for {
		n, m, _, from, err := c.ReadMsgUDP(query, info)
		if err != nil {
			return err
		}
		if answer := resolve(query[:n]); answer != nil {
			c.WriteMsgUDP(answer, source(info[:m]), from)
		}
	}
}

// source turns the control message that says which address was asked into that
// which says from which to answer: ipi_addr becomes ipi_spec_dst (ip(7)).
func source(info []byte) []byte {
	messages, err := syscall.ParseSocketControlMessage(info)
	if err != nil || len(messages) == 0 || len(messages[0].Data) < 12 {
		return nil
	}
	data := messages[0].Data
	copy(data[4:8], data[8:12])
	binary.NativeEndian.PutUint32(data[:4], 0)
	return info
}

// resolve answers one question (RFC 1035, section 4): an A with an address, any
// other type with none.
func resolve(query []byte) []byte {
	if len(query) < 12 || query[2]&0x80 != 0 || binary.BigEndian.Uint16(query[4:]) != 1 {
		return nil
	}
	end := 12
	for end < len(query) && query[end] != 0 {
		end += 1 + int(query[end])
	}
	if end += 5; end > len(query) {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[end-4:])
	answer := append([]byte{}, query[:end]...)
	answer[2], answer[3] = 0x81, 0x80 // a response, recursion available
	copy(answer[6:12], make([]byte, 6))
	if kind == 1 {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 11, 0, 0, 1)
	}
	return answer
}
