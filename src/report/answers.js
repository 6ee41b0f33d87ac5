"use strict";
{
  const find = document.querySelector("#find"), only = document.querySelector("#only");
  const count = document.querySelector("#found");
  const tasks = [...document.querySelectorAll("details.task")];
  const texts = tasks.map(task => task.textContent.toLowerCase());
  const show = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(word => word);
    let n = 0;
    tasks.forEach((task, i) => {
      const is = words.every(word => texts[i].includes(word)) && (!only.checked || "failed" in task.dataset);
      task.hidden = !is;
      n += is;
    });
    count.textContent = n + " of " + tasks.length;
  };
  find.addEventListener("input", show);
  only.addEventListener("change", show);
  document.querySelector("#search").hidden = false;
  show();
}
