import dns from 'node:dns'
import { BlockList, isIP, Socket } from 'node:net'
import { afterAll } from 'vitest'

/**
 * As long as the tests of this file run, nothing in this process looks a name up or connects to an address outside of 127.0.0.0/8, so that a test
 * of what must not be reached reaches nothing when it fails.
 */
export function stayOnThisMachine(): void {
  const elsewhere = new BlockList()
  elsewhere.addRange('0.0.0.0', '126.255.255.255', 'ipv4')
  elsewhere.addRange('128.0.0.0', '255.255.255.255', 'ipv4')
  // All of IPv6 but ::ffff:0:0/96, which for a BlockList is IPv4 too.
  elsewhere.addRange('::', '::fffe:ffff:ffff', 'ipv6')
  elsewhere.addRange('::1:0:0:0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ipv6')
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket & { blockList?: BlockList }, ...options: unknown[]) {
    // Node compares it with every address, literal or looked up, that it is about to connect to.
    this.blockList = elsewhere
    return Reflect.apply(connect, this, options)
  }
  // A server that listens has its own address "looked up" too.
  const { lookup } = dns
  Object.assign(dns, {
    lookup: (host: string, ...rest: unknown[]) =>
      isIP(host) ? Reflect.apply(lookup, dns, [host, ...rest]) : refuse(host),
  })
  // Servers of a test's own may be asked, those of this machine may not.
  const { resolve4, resolve6 } = dns.promises.Resolver.prototype
  const asking = (resolve: (host: string) => Promise<string[]>) =>
    async function (this: dns.promises.Resolver, host: string) {
      if (!this.getServers().every((server) => /^127\.0\.0\.1:/.test(server))) refuse(host)
      return Reflect.apply(resolve, this, [host])
    }
  Object.assign(dns.promises.Resolver.prototype, { resolve4: asking(resolve4), resolve6: asking(resolve6) })
  const { lookup: lookupPromise } = dns.promises
  Object.assign(dns.promises, {
    lookup: async (host: string) => (host === 'localhost' ? [{ address: '127.0.0.1', family: 4 }] : refuse(host)),
  })
  afterAll(() => {
    Socket.prototype.connect = connect
    Object.assign(dns, { lookup })
    Object.assign(dns.promises, { lookup: lookupPromise })
    Object.assign(dns.promises.Resolver.prototype, { resolve4, resolve6 })
  })
}

function refuse(host: string): never {
  throw new Error(`a test looks ${host} up`)
}
