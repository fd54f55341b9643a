// Makes the pictures of the documentation: `PAGE_DOCS=1 tools/page_test.sh
// build/dev`. For PAGE_MINUTES (default 1) webhooks come in, so that there is
// something to see.

import { test } from "node:test";
import { Stand, eventually, leave, picture } from "./stand.js";

async function load(stand, minutes) {
  const end = Date.now() + minutes * 60_000;
  const posts = [];
  for (let at = 0; Date.now() < end; ++at) {
    posts.push(stand.post(at % 5 === 0 ? "project-setup" : "single", "basic"));
    if (at % 61 === 30) posts.push(stand.post("board", "basic"));
    if (at % 400 === 200) posts.push(stand.post("project-setup", "lost"));
    const wave = 1 + Math.sin(Date.now() / 70_000);
    await new Promise((done) => { setTimeout(done, 150 + 300 * wave); });
  }
  await Promise.all(posts);
}

test("pictures of the documentation", async () => {
  const stand = await Stand.open();
  try {
    await load(stand, Number(process.env.PAGE_MINUTES ?? 1));
    const failed = await stand.made("workspace", "basic", "failed");
    await stand.postHeld("project-setup", "held");
    const page = await stand.page({ viewport: { width: 1120, height: 660 } });
    await stand.show(page, "#/");
    await eventually(async () => (await page.locator(".tile").count()) === 6);
    await picture(page, "dashboard-overview");
    await leave(page);

    const job = await stand.page({ viewport: { width: 1120, height: 590 } });
    await stand.show(job, `#/jobs/${failed}`);
    await picture(job, "dashboard-job");
    await leave(job);

    const phone = await stand.page({ viewport: { width: 360, height: 640 },
      colorScheme: "dark", isMobile: true });
    await stand.show(phone, "#/jobs");
    await picture(phone, "dashboard-phone");
    await leave(phone);
  } finally {
    await stand.close();
  }
});
