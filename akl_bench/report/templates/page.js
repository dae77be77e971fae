"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, text, parent) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };

  // The leaderboard: sort within each group, so that the references stay on top.
  const board = find("#board .board");
  const heads = all("tr.heads th", board);
  const value = (row, index) => {
    const cell = row.cells[index];
    if (!heads[index].classList.contains("number")) return cell.textContent;
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const sort = (index, direction) => {
    heads.forEach((head, i) => {
      if (i === index) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    for (const body of board.tBodies) {
      const rows = [...body.rows];
      rows.sort((one, other) => {
        const a = value(one, index), b = value(other, index);
        if (a === null || b === null) return (a === null) - (b === null);
        return direction * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
      });
      body.append(...rows);
    }
  };
  heads.forEach((head, index) => {
    const button = make("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    // The first click puts the best on top.
    const first = head.textContent.includes("\u2191") ? -1 : 1;
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      sort(index, now ? (now === "ascending" ? -1 : 1) : first);
    });
  });

  const filter = find("#filter"), count = find("#count");
  const rows = all("tbody.objective tr", board);
  const narrow = () => {
    const wanted = filter.value.trim().toLowerCase();
    let left = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      left += !row.hidden;
    }
    count.textContent = `${left} of ${rows.length} objectives`;
  };
  filter.addEventListener("input", narrow);
  narrow();

  // One objective in full.
  const open = (key) => find(`#objective-${key}`).showModal();
  all("[data-open]").forEach((b) => b.addEventListener("click", () => open(b.dataset.open)));

  // Answers side by side. Text comes as data and goes in as text.
  const data = JSON.parse(find("#data").textContent);
  if (!data.tasks.length) return;
  const taskMenu = find("#task"), promptMenu = find("#prompt"), answers = find("#answers");
  const chosen = new Set(data.first);
  data.tasks.forEach((task, i) => { make("option", task.name, taskMenu).value = i; });
  data.names.forEach((name, index) => {
    const label = make("label", undefined, find("#choices"));
    const box = make("input", undefined, label);
    box.type = "checkbox";
    box.checked = chosen.has(index);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(index); else chosen.delete(index);
      show();
    });
    make("span", name, label);
  });
  const show = () => {
    const task = data.tasks[taskMenu.value], at = Number(promptMenu.value);
    const prompt = task.prompts[at], question = find("#question");
    question.replaceChildren();
    make("span", prompt.text || prompt.id, question);
    if (prompt.references) make("small", `reference: ${prompt.references.join(" | ")}`, question);
    answers.replaceChildren();
    data.names.forEach((name, index) => {
      const answer = (task.rows[index] || [])[at];
      if (!answer || !chosen.has(index)) return;
      const card = make("div", undefined, answers);
      card.className = "card";
      const title = make("h3", name, card);
      if (answer.score !== null) make("span", `${task.headline} ${answer.score}`, title);
      const list = make("ol", undefined, card);
      for (const text of answer.texts) make("li", text, list).dir = "auto";
    });
  };
  const fill = () => {
    promptMenu.replaceChildren();
    data.tasks[taskMenu.value].prompts.forEach((prompt, i) => {
      const text = (prompt.text || prompt.id).replace(/\s+/g, " ");
      make("option", `${i + 1}. ${text.slice(0, 70)}`, promptMenu).value = i;
    });
    show();
  };
  const step = (by) => {
    const n = promptMenu.options.length;
    promptMenu.selectedIndex = (promptMenu.selectedIndex + by + n) % n;
    show();
  };
  taskMenu.addEventListener("change", fill);
  promptMenu.addEventListener("change", show);
  find("#previous").addEventListener("click", () => step(-1));
  find("#next").addEventListener("click", () => step(1));
  fill();
})();
