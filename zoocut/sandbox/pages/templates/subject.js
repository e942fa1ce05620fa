"use strict";
// Puts a subject's plot beside its pictures, which flip. Without a script they stand one below the other.
(() => {
  const media = document.getElementById("subject-media");
  const none = () => Object.assign(document.createElement("span"), { className: "no-image", textContent: "its JSON is no plot that Zooniverse shows" });
  const plots = [...document.querySelectorAll(".plot-data")].map((data) => subjectView.plot(JSON.parse(data.textContent), `Plot of ${media.dataset.name}`) ?? none());
  if (plots.length || media.querySelectorAll("figure").length > 1) subjectView.beside(media, plots, [...media.querySelectorAll("figure")]);
})();
