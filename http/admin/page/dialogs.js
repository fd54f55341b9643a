// What a person is asked before something is done.

import { h } from "./dom.js";
import { integer } from "./text.js";

function open(content, onSubmit) {
  const back = document.activeElement;
  const failed = h("p", { class: "problem", role: "alert" });
  const form = h("form", { method: "dialog", novalidate: true }, content, failed);
  const title = form.querySelector("h2");
  title.id = "dialog-title";
  const dialog = h("dialog", { "aria-labelledby": title.id }, form);
  document.body.append(dialog);
  return new Promise((done) => {
    let isSettled = false;
    const close = (value) => {
      if (isSettled) return;
      isSettled = true;
      dialog.close();
      dialog.remove();
      back?.focus?.();
      done(value);
    };
    const no = form.querySelector("[data-no]");
    dialog.addEventListener("cancel", (event) => {
      if (!no) event.preventDefault();
    });
    // A browser may close it without asking (HTML, "close watchers").
    dialog.addEventListener("close", () => {
      if (no) close(null);
      else if (!isSettled) dialog.showModal();
    });
    no?.addEventListener("click", () => close(null));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const yes = form.querySelector("[data-yes]");
      if (yes.disabled) return;
      yes.disabled = true;
      failed.textContent = "";
      try {
        close(await onSubmit(new FormData(form)));
      } catch (error) {
        failed.textContent = error.message;
      }
      yes.disabled = false;
    });
    dialog.showModal();
  });
}

const buttons = (yes, tone, no = "Cancel") => h("div", { class: "buttons" },
  h("button", { type: "button", "data-no": true }, no),
  h("button", { type: "submit", "data-yes": true, class: tone }, yes));

/** Does it once it is confirmed; gives what it gave, or null. */
export const confirm = ({ title, text, yes, no, tone = "primary", act }) => open([
  h("h2", {}, title), h("p", {}, text), buttons(yes, tone, no)], act);

/** How an ambiguous clone is to be settled. */
export function resolve(act) {
  const choice = (value, text, checked) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "how", value, checked }), text);
  const uid = h("input", { type: "text", name: "uid", id: "uid",
    autocomplete: "off", spellcheck: "false", maxlength: "512" });
  const content = [
    h("h2", {}, "Resolve the clone"),
    h("p", {}, "Nobody knows whether the clone was made. Look for it at the "
      + "API first: a clone that is made again may exist twice."),
    h("fieldset", {},
      h("legend", {}, "What did you find?"),
      choice("uid", "It was made. Its UID is:", true),
      h("div", { class: "under" },
        h("label", { for: "uid", class: "hidden" }, "UID of the clone"), uid,
        h("label", { class: "choice" },
          h("input", { type: "checkbox", name: "integer" }),
          "The API gives it as a number")),
      choice("again", "It was not made. Make it again.", false)),
    buttons("Resolve", "primary")];
  return open(content, (form) => {
    if (form.get("how") === "again") return act({ clone: "again" });
    const text = form.get("uid").trim();
    if (!text) throw new Error("The UID is missing.");
    if (!form.get("integer")) return act({ uid: text });
    if (!/^-?\d+$/.test(text)) throw new Error("That is no whole number.");
    return act({ uid: integer(BigInt(text)) });
  });
}

/** Asks for the token until there is a text; it cannot be left unanswered. */
export const askToken = (wasRefused) => open([
  h("h2", {}, "This service asks for its token"),
  h("p", {}, "It is what [admin] token says in handoff.ini. It stays in this "
    + "tab and is forgotten with it."),
  h("label", { for: "token" }, "Token"),
  h("input", { type: "password", id: "token", name: "token", required: true,
    autocomplete: "current-password" }),
  wasRefused ? h("p", { class: "problem" }, "That token was refused.") : null,
  h("div", { class: "buttons" },
    h("button", { type: "submit", "data-yes": true, class: "primary" },
      "Go on"))].filter(Boolean),
(form) => {
  const given = form.get("token").trim();
  if (!given) throw new Error("The token is missing.");
  return given;
});
