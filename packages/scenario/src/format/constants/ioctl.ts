/** `request` of the ioctls that have no call of their own. */
export const ioctlRequests = {
  BLKDISCARD: 0x1277,
  TCGETS: 0x5401,
  FIONREAD: 0x541b,
  FIONBIO: 0x5421,
  FIOCLEX: 0x5451,
} as const;
