// IP addresses and CIDR ranges: reading what operators write, and telling whether an address is in a range.

import ipaddr from 'ipaddr.js';

const IPV4_BITS = 32;
const IPV6_BITS = 128;

/** An address, with or without the length of a prefix (RFC 4632, RFC 4291). */
const RANGE = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * The canonical form of an address or a CIDR range; `null` for any other text.
 *
 * IPv6 is written by RFC 5952, a range begins with its network's first address, a range of one address is that
 * address, and an IPv4-mapped IPv6 address is IPv4: `10.1.2.3/8` is `10.0.0.0/8`, `::FFFF:10.1.2.3` is `10.1.2.3`.
 * Forms that programs read differently are not taken: zones, shortened IPv4, leading zeros.
 */
export function parseAddressRange(text: string): string | null {
  const range = rangeOf(text);
  if (range === null) return null;
  const [address, prefixBits] = range;
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = family.networkAddressFromCIDR(`${address.toString()}/${prefixBits}`).toString();
  return prefixBits === bitsOf(address) ? network : `${network}/${prefixBits}`;
}

/**
 * Whether an address is in one of the ranges. An IPv4-mapped IPv6 address counts as IPv4; a text that is no address is in
 * no range.
 */
export function isAddressAllowed(address: string | null, ranges: readonly string[]): boolean {
  const parsed = address === null ? null : addressOf(address);
  if (parsed === null) return false;
  return ranges.some((text) => {
    const range = rangeOf(text);
    return range !== null && range[0].kind() === parsed.kind() && parsed.match(range);
  });
}

function rangeOf(text: string): [Address, number] | null {
  const [, addressText = '', prefixText] = RANGE.exec(text) ?? [];
  const address = addressOf(addressText);
  if (address === null) return null;
  const bits = bitsOf(address);
  const writtenBits = addressText.includes(':') ? IPV6_BITS : IPV4_BITS; // more than `bits` where it is IPv4-mapped
  const prefixBits = Number(prefixText ?? writtenBits) - (writtenBits - bits);
  return prefixBits >= 0 && prefixBits <= bits ? [address, prefixBits] : null;
}

function addressOf(text: string): Address | null {
  const isIPv6 = text.includes(':');
  const dotted = text.slice(text.lastIndexOf(':') + 1);
  const hasIPv4 = !isIPv6 || dotted.includes('.');
  if (hasIPv4 && !ipaddr.IPv4.isValidFourPartDecimal(dotted)) return null;
  if (isIPv6 && (text.includes('%') || !ipaddr.IPv6.isValid(text))) return null;
  return ipaddr.process(text);
}

function bitsOf(address: Address): number {
  return address.kind() === 'ipv4' ? IPV4_BITS : IPV6_BITS;
}
