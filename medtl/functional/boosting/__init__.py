"""Boosting across sites as scikit-learn estimators: ``fit(Xs, ys, Xt, yt)`` on any features, with any base learner."""
