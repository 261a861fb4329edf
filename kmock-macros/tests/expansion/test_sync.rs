// unfinished
# [:: core :: prelude :: v1 :: test] fn blocking () { # [allow (clippy :: needless_pass_by_value)] fn blocking (k : KMock) { let unfinished = k .; } :: kmock :: __private :: run_sync (< :: kmock :: __private :: TestOptions > :: new (:: core :: concat ! (:: core :: module_path ! () , "::" , "blocking")) , blocking) }
