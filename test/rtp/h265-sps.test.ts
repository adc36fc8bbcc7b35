import { test } from 'tap';
import { readH265Size } from '../../daemon/rtp/h265-sps.ts';

test('sizes of pictures, as encoders write them', async (t) => {
  for (const [name, sps, size] of [
    [
      '1280x720',
      '42010101600000030090000003000003005da00280802d165959a4932bc05a020000030002000003000a10',
      { width: 1280, height: 720 },
    ],
    [
      '1920x1080',
      '420101016000000300900000030000030078a003c08010e596566924caf016808000000300800000030284',
      { width: 1920, height: 1080 },
    ],
    [
      '320x240',
      '42010101600000030090000003000003003ca00a080f165959a4932bc05a020000030002000003000a10',
      { width: 320, height: 240 },
    ],
    [
      '1922x1082',
      '420101016000000300900000030000030078a003c480110724996566924caf0168080000030008000003002840',
      { width: 1922, height: 1082 },
    ],
  ] as const)
    t.same(readH265Size(Buffer.from(sps, 'hex')), size, name);
});

test('what is broken', async (t) => {
  for (const sps of ['', '4201', '420101016000000300', 'ff'.repeat(40), '00'.repeat(40)])
    t.equal(readH265Size(Buffer.from(sps, 'hex')), undefined, sps);
});
