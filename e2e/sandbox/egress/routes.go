//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
)

// enclose makes every IPv4 address local but the gateway's, which stays where it
// is: whatever a program connects to, somebody in this network namespace is
// asked. (There is no IPv6 in a Docker network unless it was configured.)
func enclose(gateway net.IP) error {
	eth, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	// The kernel looks into the table "local" first, and there the longest prefix wins.
	if err := addRoute(gateway.To4(), 32, syscall.RTN_UNICAST, eth.Index); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	for _, net := range [][]byte{{0, 0, 0, 0}, {128, 0, 0, 0}} {
		if err := addRoute(net, 1, syscall.RTN_LOCAL, lo.Index); err != nil {
			return fmt.Errorf("everything else: %w", err)
		}
	}
	return nil
}

// addRoute is "ip route add table local" (rtnetlink(7)).
func addRoute(to []byte, bits, kind byte, device int) error {
	scope := byte(syscall.RT_SCOPE_LINK)
	if kind == syscall.RTN_LOCAL {
		scope = syscall.RT_SCOPE_HOST
	}
	var m bytes.Buffer
	put := func(v any) { binary.Write(&m, binary.NativeEndian, v) }
	put(syscall.RtMsg{Family: syscall.AF_INET, Dst_len: bits, Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_BOOT, Scope: scope, Type: kind})
	put(syscall.RtAttr{Len: 8, Type: syscall.RTA_DST})
	put(to)
	put(syscall.RtAttr{Len: 8, Type: syscall.RTA_OIF})
	put(int32(device))
	body := bytes.Clone(m.Bytes())
	m.Reset()
	put(syscall.NlMsghdr{
		Len: uint32(syscall.SizeofNlMsghdr + len(body)), Type: syscall.RTM_NEWROUTE,
		Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | syscall.NLM_F_CREATE | syscall.NLM_F_REPLACE, Seq: 1,
	})
	m.Write(body)

	s, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	if err := syscall.Sendto(s, m.Bytes(), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) == 0 || messages[0].Header.Type != syscall.NLMSG_ERROR {
		return fmt.Errorf("unreadable answer: %v", err)
	}
	if code := int32(binary.NativeEndian.Uint32(messages[0].Data)); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
