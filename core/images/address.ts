import { BlockList, isIP, isIPv4 } from 'node:net'

// IANA IPv4 Special-Purpose Address Registry and, for multicast, the IPv4 address space registry.
const special4 = blockList('ipv4', [
  '0.0.0.0/8', // this network; 0.0.0.0 connects to this machine
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT; one cloud keeps its metadata here
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's metadata, in public space
  '169.254.0.0/16', // link-local; the metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // IETF protocol assignments; one cloud keeps its metadata here
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // automatic multicast tunnelling
  '192.88.99.0/24', // 6to4 relays, withdrawn
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and the broadcast address
])

// The only IPv6 space that IANA gives out as global unicast. Outside of it are loopback, link-local, unique local and
// multicast addresses, and all that embed an IPv4 address: ::/96, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48.
const global6 = blockList('ipv6', ['2000::/3'])

// The parts of that space that are not plain unicast: IANA IPv6 Special-Purpose Address Registry.
const special6 = blockList('ipv6', [
  '2001::/23', // IETF protocol assignments: Teredo, benchmarks, ORCHID and more
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: embeds an IPv4 address
  '2620:4f:8000::/48', // AS112
  '3ffe::/16', // 6bone, returned
  '3fff::/20', // documentation
])

/**
 * Whether an IP address is a plain, globally reachable unicast address. Everything else is not public: what is private
 * or special by the IANA registries, IPv6 forms that embed an IPv4 address (whichever it is), addresses with a zone, and
 * text that is no IP address in its plain spelling.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, 'ipv4')
  // A zone names one of this machine's own links; BlockList would overlook it.
  if (address.includes('%')) return false
  return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6')
}

/**
 * Whether a URL's host is certain not to be public, before any name is looked up: an address that is not, or this machine by
 * name (RFC 6761, section 6.3).
 *
 * @param hostname as URLs have it: IPv6 in brackets, IPv4 in its plain spelling
 */
export function isForbiddenHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(host) ? !isPublicAddress(host) : /(^|\.)localhost\.?$/.test(host)
}

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', bits] = subnet.split('/')
    list.addSubnet(network, Number(bits), family)
  }
  return list
}
